#!/bin/sh
# Makes one environment of tool servers under .venv-tools, every package checked against its hash. Instant when it is
# done already. Python environments: requirements-<name>.txt in deploy/tools or the folder given; `node`: its lock file.
set -eu
cd "$(dirname "$0")/../.."

name=$1
folder=${2:-deploy/tools}
place=.venv-tools/$name
stamp=$place/.installed

is_done() {
    [ "$(cat "$stamp" 2>/dev/null || true)" = "$wanted" ]
}

install_python() {
    requirements=$folder/requirements-$name.txt
    wanted=$(cksum <"$requirements")
    if is_done && "$place/bin/python" -c '' 2>/dev/null; then
        return
    fi
    echo "Installing $requirements into $place (15 seconds to a minute)"
    .venv/bin/python -m venv --clear "$place"
    "$place/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$requirements"
    echo "$wanted" >"$stamp"
}

install_node() {
    if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
        echo "No node and npm on the path: the tool servers written for Node are not installed, their test is skipped."
        return
    fi
    wanted=$(cat deploy/tools/node/package.json deploy/tools/node/package-lock.json | cksum)
    if is_done; then
        return
    fi
    echo "Installing deploy/tools/node/package-lock.json into $place (a few seconds)"
    mkdir -p "$place"
    cp deploy/tools/node/package.json deploy/tools/node/package-lock.json deploy/tools/node/.npmrc "$place/"
    (cd "$place" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
    echo "$wanted" >"$stamp"
}

case $name in
    node) install_node ;;
    *) install_python ;;
esac
