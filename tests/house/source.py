"""The tree as the house rules see it: every file git knows or would take, each Python file parsed once."""

import ast
import subprocess
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PURE = ("domain", "contracts", "workflows")
"""The rooms without clock, random and I/O."""


class Source(NamedTuple):
    """A Python file: its path from the root, its text, its syntax tree."""

    path: str
    text: str
    tree: ast.Module

    @property
    def room(self) -> str:
        """The top-level folder, or the file itself."""
        return self.path.partition("/")[0]

    @property
    def is_test(self) -> bool:
        """Whether the file belongs to the tests."""
        return self.room == "tests"

    def at(self, node: ast.AST) -> str:
        """Return where a node stands, as findings begin."""
        return f"{self.path}:{getattr(node, 'lineno', 1)}"


class Function(NamedTuple):
    """A function with its decorators left out."""

    node: ast.FunctionDef | ast.AsyncFunctionDef
    lines: int


def planted(text: str, path: str = "domain/planted.py") -> Source:
    """Return a source that is in no tree: the counter-example that a rule must find."""
    return Source(path, text, ast.parse(text))


@cache
def files() -> tuple[str, ...]:
    """Return the paths of all files that are or may be committed."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
        names: Iterable[str] = listed.split("\0")
    except (OSError, subprocess.CalledProcessError):
        names = _found()
    return tuple(sorted(name for name in set(names) if name and (ROOT / name).is_file()))


@cache
def sources() -> tuple[Source, ...]:
    """Return all Python files but the stubs of foreign libraries."""
    return tuple(planted((ROOT / name).read_text(encoding="utf-8"), name) for name in files() if name.endswith(".py"))


def pure() -> Iterator[Source]:
    """Yield the files of the pure rooms."""
    return (source for source in sources() if source.room in PURE)


def functions(source: Source) -> Iterator[Function]:
    """Yield every function of a file, nested ones too."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield Function(node, (node.end_lineno or node.lineno) - node.lineno + 1)


def full_names(tree: ast.Module) -> dict[str, str]:
    """Return what each imported name stands for: `from os import environ as e` makes `e` stand for `os.environ`."""
    known: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            known |= {(alias.asname or alias.name.partition(".")[0]): _bound(alias) for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            known |= {(alias.asname or alias.name): f"{node.module}.{alias.name}" for alias in node.names}
    return known


def full_name(node: ast.expr, known: dict[str, str]) -> str:
    """Return the dotted name of a name or attribute with its import resolved; empty for anything else."""
    if isinstance(node, ast.Name):
        return known.get(node.id, node.id)
    if isinstance(node, ast.Attribute) and (before := full_name(node.value, known)):
        return f"{before}.{node.attr}"
    return ""


def _bound(alias: ast.alias) -> str:
    return alias.name if alias.asname else alias.name.partition(".")[0]


def _found() -> Iterator[str]:
    """Yield the files of a tree that no git looks after."""
    for path in ROOT.rglob("*"):
        parts = path.relative_to(ROOT).parts
        hidden = any(part.startswith(".") for part in parts) and parts[0] != ".ci"
        if not hidden and not {"node_modules", "__pycache__"}.intersection(parts):
            yield "/".join(parts)
