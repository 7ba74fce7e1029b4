"""Reading the `mcpServers` format: command, args and env, or url and headers, and our own key `longhaul`.

`${NAME}` and `${NAME:-default}` in any text stand for variables. Keys that other clients use are tolerated; every thing
that is wrong becomes a problem with its JSON pointer, and no problem quotes a value.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from pydantic import ValidationError

from domain.drafts import problems_of
from domain.errors import InvalidInput, Problem
from domain.templates import escape
from domain.tool_server import SERVER_ID, ToolServer
from services.tools.registry.redaction import MASK
from services.tools.registry.servers import SERVERS_LIMIT

ROOT = "mcpServers"
OURS = "longhaul"
PROBLEMS_LIMIT = 50
DEPTH_LIMIT = 30

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_HTTP_TYPES = frozenset({"http", "streamable-http", "streamablehttp", "streamable_http"})
_NOT_ID = re.compile(r"[^a-z0-9_-]+")
_REACH_OF_OURS = ("auth", "allow_private")


@dataclass(frozen=True)
class FileServer:
    """A server and its name in the file."""

    name: str
    server: ToolServer


class _Reader:
    """Collects problems while it reads."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self.problems: list[Problem] = []
        self._variables = variables

    def wrong(self, code: str, path: str, message: str) -> None:
        self.problems.append(Problem(code=code, path=path, message=message))

    def expand(self, value: Any, path: str, depth: int = 0) -> Any:
        """Return a value with its variables replaced."""
        if depth > DEPTH_LIMIT:
            self.wrong("too_deep", path[:100], f"values nest at most {DEPTH_LIMIT} levels")
            return None
        if isinstance(value, str):
            return self._text(value, path)
        if isinstance(value, dict):
            members = cast("dict[str, Any]", value)
            return {key: self.expand(item, f"{path}/{escape(key)}", depth + 1) for key, item in members.items()}
        if isinstance(value, list | tuple):
            items = cast("list[Any]", value)
            return [self.expand(item, f"{path}/{index}", depth + 1) for index, item in enumerate(items)]
        return value

    def _text(self, text: str, path: str) -> str:
        def replace(match: re.Match[str]) -> str:
            name, default = match.groups()
            value = self._variables.get(name)
            if default is not None:
                value = value or default
            if value is None:
                self.wrong("variable_missing", path, f"the environment variable {name} is not set")
            return value or ""

        expanded = _VARIABLE.sub(replace, text)
        if "\0" in expanded or MASK in expanded:
            self.wrong("invalid_text", path, f"a text holds no NUL and no {MASK}")
        return expanded


def parse(content: bytes, name: str, variables: Mapping[str, str]) -> tuple[FileServer, ...]:
    """Read a file.

    Args:
        content: JSON in UTF-8.
        name: The file's name, for the message.
        variables: What `${NAME}` stands for.

    Raises:
        InvalidInput: It is not JSON, or not such a file; `problems` say where.
    """
    reader = _Reader(variables)
    found = [
        server for key, raw in _entries(content, name).items() if (server := _server(reader, key, raw)) is not None
    ]
    _check_ids(reader, found)
    if reader.problems:
        first = reader.problems[0]
        raise InvalidInput(f"{name}{first.path}: {first.message}", tuple(reader.problems[:PROBLEMS_LIMIT]))
    return tuple(found)


def _entries(content: bytes, name: str) -> dict[str, Any]:
    try:
        document: Any = json.loads(content.decode("utf-8-sig"), object_pairs_hook=_unique)
    except _Twice as twice:
        raise InvalidInput(f"{name}: the key {twice.args[0]!a} occurs twice in one object") from None
    except (ValueError, RecursionError):
        raise InvalidInput(f"{name} is not valid JSON") from None
    entries = cast("dict[str, Any]", document).get(ROOT) if isinstance(document, dict) else None
    if not isinstance(entries, dict):
        problem = Problem(code="missing", path=f"/{ROOT}", message=f"the file is an object with the key {ROOT}")
        raise InvalidInput(f"{name}: {problem.message}", (problem,))
    members = cast("dict[str, Any]", entries)
    if len(members) > SERVERS_LIMIT:
        raise InvalidInput(f"{name} has more than {SERVERS_LIMIT} servers")
    return members


class _Twice(ValueError):
    """A key occurs twice; a plain dict would keep the last one silently."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in pairs:
        if key in made:
            raise _Twice(key[:100])
        made[key] = value
    return made


def _server(reader: _Reader, name: str, raw: Any) -> FileServer | None:
    path = f"/{ROOT}/{escape(name)}"
    server_id = slug(name)
    if server_id is None:
        reader.wrong(
            "bad_server_name", path, "a server's name has a letter, and becomes an id of at most 40 characters"
        )
        return None
    if not isinstance(raw, dict):
        reader.wrong("invalid", path, "a server is an object")
        return None
    before = len(reader.problems)
    entry = cast("dict[str, Any]", reader.expand(raw, path))
    data = _document(reader, entry, path, server_id)
    if len(reader.problems) > before:
        return None
    try:
        return FileServer(name, ToolServer.model_validate(data))
    except ValidationError as error:
        reader.problems += [_placed(problem, path) for problem in problems_of(error, "")]
        return None


def slug(name: str) -> str | None:
    """Return a server's id made from its name in a file; None: nothing is left of it, or too much."""
    made = _NOT_ID.sub("-", name.strip().lower()).lstrip("0123456789_-").rstrip("-")
    return made if SERVER_ID.match(made) else None


def _document(reader: _Reader, entry: dict[str, Any], path: str, server_id: str) -> dict[str, Any]:
    """Return a `ToolServer` as JSON."""
    ours = entry.get(OURS, {})
    if not isinstance(ours, dict):
        reader.wrong("invalid", f"{path}/{OURS}", "it is an object")
        ours = {}
    options = dict(cast("dict[str, Any]", ours))
    disabled = options.pop("disabled", entry.get("disabled", False))
    extra = {key: options.pop(key) for key in _REACH_OF_OURS if key in options}
    return {
        "id": server_id,
        "reach": _reach(reader, entry, extra, path),
        "options": options,
        "disabled": disabled,
    }


def _reach(reader: _Reader, entry: dict[str, Any], extra: dict[str, Any], path: str) -> dict[str, Any]:
    url = entry.get("url", entry.get("serverUrl"))
    if (url is None) == (entry.get("command") is None):
        reader.wrong("invalid", path, "a server has either a command or a url")
        return {}
    kind = str(entry.get("type", entry.get("transport", ""))).lower()
    if kind == "sse":
        message = "the old SSE transport is not supported: use the server's streamable HTTP address"
        reader.wrong("transport_not_supported", f"{path}/type", message)
    if url is None:
        for key in extra:
            reader.wrong("invalid", f"{path}/{OURS}/{key}", "it is for servers with a url")
        return {"transport": "stdio", **_given(entry, "command", "args", "env")}
    if kind not in _HTTP_TYPES | {"", "sse"}:
        reader.wrong("transport_not_supported", f"{path}/type", "a server with a url has the type http")
    return {"transport": "http", "url": url, **_given(entry, "headers"), **extra}


def _given(entry: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: entry[name] for name in names if entry.get(name) is not None}


def _placed(problem: Problem, path: str) -> Problem:
    """Return a problem of a `ToolServer` where it stands in the file."""
    pointer = problem.path
    for ours, theirs in _PLACES:
        if pointer == ours or pointer.startswith(f"{ours}/"):
            pointer = f"{theirs}{pointer[len(ours) :]}"
            break
    return problem.model_copy(update={"path": f"{path}{pointer}"})


_PLACES = (
    ("/reach/http/auth", f"/{OURS}/auth"),
    ("/reach/http/allow_private", f"/{OURS}/allow_private"),
    ("/reach/http", ""),
    ("/reach/stdio", ""),
    ("/options", f"/{OURS}"),
    ("/disabled", f"/{OURS}/disabled"),
)
"""From a place in a `ToolServer` to its place in the file."""


def _check_ids(reader: _Reader, found: list[FileServer]) -> None:
    seen: dict[str, str] = {}
    for entry in found:
        if entry.server.id in seen:
            message = f"two names become the id {entry.server.id}: {seen[entry.server.id][:100]!a} and this one"
            reader.wrong("duplicate_id", f"/{ROOT}/{escape(entry.name)}", message)
        seen.setdefault(entry.server.id, entry.name)
