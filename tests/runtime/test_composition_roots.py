"""worker.py composes all but the API; server.py is the one file that composes both."""

import ast

import pytest

from runtime.settings import PROJECT_ROOT


def rooms_imported(file: str) -> set[str]:
    """The top-level names that a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse((PROJECT_ROOT / file).read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found


@pytest.mark.parametrize(
    ("file", "forbidden"), [("worker.py", {"api", "cli", "simulators", "server"}), ("server.py", {"cli", "simulators"})]
)
def test_a_composition_root_imports_what_it_may(file: str, forbidden: set[str]) -> None:
    if not (PROJECT_ROOT / file).exists():
        pytest.skip(f"{file} is not written yet")
    assert rooms_imported(file) & forbidden == set()
