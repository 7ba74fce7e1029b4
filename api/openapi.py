"""`python -m api.openapi` writes docs/openapi.json; with `--check` it fails when the file is stale."""

import argparse
import json
import sys
from pathlib import Path

from api.app import routes_only

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "openapi.json"


def current() -> str:
    """Return the document of this build."""
    return json.dumps(routes_only().openapi(), indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def is_stale() -> bool:
    """Whether the committed document is missing or differs from this build's."""
    return not DOCUMENT.exists() or DOCUMENT.read_text(encoding="utf-8") != current()


def main(arguments: list[str] | None = None) -> int:
    """Write or check; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m api.openapi", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, fail when the file is stale")
    if parser.parse_args(arguments).check:
        if is_stale():
            sys.stderr.write("docs/openapi.json is stale: run `make openapi`\n")
            return 1
        return 0
    DOCUMENT.parent.mkdir(exist_ok=True)
    DOCUMENT.write_text(current(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
