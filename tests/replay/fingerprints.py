"""The commands that each function of `workflows/` gives Temporal, in the order they stand in the code.

A history can only be replayed by code that gives the same commands in the same order. The replay test sees that for
the recorded paths; this sees it for every line.
"""

import ast
import json
from collections.abc import Iterator
from pathlib import Path

from runtime.settings import PROJECT_ROOT

FILE = Path(__file__).parent / "fingerprints.json"
WORKFLOWS = PROJECT_ROOT / "workflows"

Fingerprints = dict[str, list[str]]
"""Commands by function, as `life.py Life.live`."""

_STARTS = {
    "start_activity_method": "activity",
    "execute_activity_method": "activity",
    "start_local_activity_method": "local activity",
    "execute_local_activity_method": "local activity",
    "start_activity": "activity",
    "execute_activity": "activity",
    "start_local_activity": "local activity",
    "execute_local_activity": "local activity",
    "start_child_workflow": "child",
    "execute_child_workflow": "child",
    "signal": "signal",
    "cancel": "cancel",
    "sleep": "timer",
    "upsert_search_attributes": "search attributes",
    "upsert_memo": "memo",
    "continue_as_new": "continue as new",
    "patched": "patched",
    "deprecate_patch": "deprecate patch",
    "get_external_workflow_handle": "external workflow",
    "create_task": "task",
}
"""What a call of this name does. A name may stand for something harmless too: that only makes the test stricter."""


def current() -> Fingerprints:
    """Return the fingerprints of the code as it is."""
    functions = dict(_functions())
    commanding = _commanding(functions)
    fingerprints = {name: list(_commands(function, commanding)) for name, function in functions.items()}
    return {name: commands for name, commands in fingerprints.items() if commands}


def recorded() -> Fingerprints:
    """Return the fingerprints of the code that the histories were recorded with."""
    found: Fingerprints = json.loads(FILE.read_text(encoding="utf-8"))
    return found


def write() -> None:
    """Keep the fingerprints of the code as it is. Only the recorder may: they belong to its histories."""
    FILE.write_text(json.dumps(current(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _functions() -> Iterator[tuple[str, ast.AST]]:
    for path in sorted(WORKFLOWS.glob("**/*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for name, function in _named(tree, ""):
            yield f"{path.relative_to(WORKFLOWS)} {name}", function


def _named(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.AST]]:
    """Yield functions and methods by their qualified names; what stands within a function belongs to it."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef):
            yield from _named(child, f"{prefix}{child.name}.")
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{prefix}{child.name}", child


def _commanding(functions: dict[str, ast.AST]) -> set[str]:
    """Return the names of the functions that give a command themselves or by another of these functions."""
    commanding: set[str] = set()
    while True:
        found = {_short(name) for name, function in functions.items() if any(_commands(function, commanding))}
        if found == commanding:
            return commanding
        commanding = found


def _short(name: str) -> str:
    return name.rpartition(" ")[2].rpartition(".")[2]


def _commands(function: ast.AST, commanding: set[str]) -> Iterator[str]:
    for node in _in_order(function):
        if isinstance(node, ast.Call) and (command := _command(node, commanding)) is not None:
            yield command


def _in_order(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what stands in a node, arguments before their call; decorators and defaults of functions are left out."""
    inner = node.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else ast.iter_child_nodes(node)
    for child in inner:
        yield from _in_order(child)
        yield child


def _command(call: ast.Call, commanding: set[str]) -> str | None:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name == "wait_condition":
        bounded = any(keyword.arg == "timeout" for keyword in call.keywords)
        return "wait with a timer" if bounded else "wait"
    if name in _STARTS:
        return f"{_STARTS[name]} {_target(call)}".strip()
    return f"{name} {_port_method(call)}".strip() if name in commanding else None


def _target(call: ast.Call) -> str:
    """Return what is called: the first argument, or for a method without one what it is called on."""
    if call.args:
        return _plain(call.args[0])
    return ast.unparse(call.func.value) if isinstance(call.func, ast.Attribute) else ""


def _plain(node: ast.expr) -> str:
    if isinstance(node, ast.Call):
        return node.func.attr if isinstance(node.func, ast.Attribute) else ""
    return ast.unparse(node) if isinstance(node, ast.Name | ast.Attribute | ast.Constant) else ""


def _port_method(call: ast.Call) -> str:
    """Return the activity that a call hands on, such as `Planning.prepare`."""
    first = call.args[0] if call.args else None
    is_port = isinstance(first, ast.Attribute) and isinstance(first.value, ast.Name) and first.value.id[0].isupper()
    return ast.unparse(first) if first is not None and is_port else ""
