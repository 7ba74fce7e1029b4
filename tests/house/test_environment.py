"""Only runtime/settings.py reads the environment; whoever starts the product elsewhere learns all settings there."""

import ast
from collections.abc import Iterator

import pytest

from tests.house.source import Source, full_name, full_names, planted, sources

READERS = frozenset({"os.environ", "os.environb", "os.getenv", "os.getenvb", "os.putenv", "os.unsetenv"})
ALLOWED = {
    "runtime/settings.py": "the one place",
    "cli/place.py": "the command may import nothing of the product, and takes only addresses",
}


def readers(source: Source) -> Iterator[str]:
    """Yield where a file reaches for the environment."""
    known = full_names(source.tree)
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Name | ast.Attribute) and full_name(node, known) in READERS:
            yield f"{source.at(node)}: reads the environment"


def test_only_the_settings_read_the_environment() -> None:
    product = [source for source in sources() if not source.is_test and source.path not in ALLOWED]
    assert [finding for source in product for finding in readers(source)] == []


def test_every_exception_is_needed() -> None:
    assert {source.path for source in sources() if source.path in ALLOWED and any(readers(source))} == set(ALLOWED)


@pytest.mark.parametrize(
    "text",
    [
        "import os\nos.environ['A']",
        "import os as system\nsystem.getenv('A')",
        "from os import environ as e\ne.get('A')",
        "from os import getenv\ngetenv('A')",
    ],
)
def test_a_reader_is_found(text: str) -> None:
    assert list(readers(planted(text, "api/planted.py")))
