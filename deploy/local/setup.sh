#!/bin/sh
# Makes .venv and installs one lock file into it, every package checked against its hash. Instant when it is done already.
set -eu
cd "$(dirname "$0")/../.."

requirements=$1
stamp=.venv/.installed-$requirements
wanted=$(cksum <"$requirements")

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    for name in python3.13 python3.12 python3.11 python3 python; do
        # A name may be there and not run: version managers put such stubs on the path.
        if new_enough "$name"; then
            echo "$name"
            return
        fi
    done
    echo "Longhaul needs Python 3.11 or later; none of python3.13, python3.12, python3.11, python3 is." >&2
    return 1
}

if ! { new_enough .venv/bin/python && .venv/bin/python -c 'import pip' 2>/dev/null; }; then
    python=$(find_python)
    echo "Making .venv with $("$python" --version) (a few seconds)"
    "$python" -m venv --clear .venv || {
        echo "No virtual environment: on Debian and Ubuntu install python3-venv." >&2
        exit 1
    }
fi

if [ "$(cat "$stamp" 2>/dev/null || true)" != "$wanted" ]; then
    echo "Installing $requirements into .venv (15 seconds to two minutes; downloads up to 200 MB the first time)"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r "$requirements"
    echo "$wanted" >"$stamp"
fi
