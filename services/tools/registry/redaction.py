"""A server's configuration as people see it: secrets as "•••", and what they wrote taken back with the secrets kept.

Values of environment variables and headers, tokens, client secrets, an address's user and query, and arguments that
look like secrets are never shown. Whoever sends a configuration back with "•••" in a place keeps what is stored there,
unless it would then go to another server or another program than it was given for.
"""

import re
from typing import Any, cast
from urllib.parse import urlsplit, urlunsplit

from pydantic import TypeAdapter

from domain.errors import InvalidInput, Problem
from domain.templates import escape
from domain.tool_server import Http, Reach, Stdio

MASK = "•••"

_REACH: TypeAdapter[Stdio | Http] = TypeAdapter(Reach)
_SECRET_NAME = re.compile(r"token|secret|passw|pwd|key|auth|credential|cookie|bearer|(?:^|[-_])pat$", re.IGNORECASE)
_OPTION = re.compile(r"(--?[A-Za-z][\w.-]*|[A-Za-z_]\w*)=(.*)", re.DOTALL)
_USER_IN_URL = re.compile(r"([a-z][a-z0-9+.-]*://)[^/@\s]+@", re.IGNORECASE)


def parse_reach(data: Any) -> Stdio | Http:
    """Read how a server is reached.

    Raises:
        ValidationError: It is no such thing.
    """
    return _REACH.validate_python(data)


def read_reach(plain: bytes) -> Stdio | Http:
    """Read how a server is reached from the JSON that is kept sealed.

    Raises:
        ValidationError: It is no such thing.
    """
    return _REACH.validate_json(plain)


def redacted(reach: Stdio | Http) -> Stdio | Http:
    """Return a configuration fit to be shown."""
    data = reach.model_dump()
    if isinstance(reach, Stdio):
        data["env"] = dict.fromkeys(reach.env, MASK)
        data["args"] = _shown_arguments(reach.args)
    else:
        data["url"] = shown_url(reach.url)
        data["headers"] = dict.fromkeys(reach.headers, MASK)
        for name in ("token", "client_secret"):
            if data["auth"] and data["auth"].get(name):
                data["auth"][name] = MASK
    return parse_reach(data)


def address_of(reach: Stdio | Http) -> str:
    """Return a server's address in one line, without secrets."""
    if isinstance(reach, Http):
        return shown_url(reach.url)
    return " ".join((reach.command, *_shown_arguments(reach.args)))[:2000]


def shown_url(url: str) -> str:
    """Return an address without its user and query."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return f"{url.partition('://')[0]}://{MASK}"
    host = parts.netloc.rpartition("@")[2]
    netloc = f"{MASK}@{host}" if "@" in parts.netloc else host
    return urlunsplit((parts.scheme, netloc, parts.path, MASK if parts.query else "", ""))


def _shown_arguments(arguments: tuple[str, ...]) -> tuple[str, ...]:
    shown: list[str] = []
    before = ""
    for argument in arguments:
        shown.append(_shown_argument(argument, before))
        before = argument
    return tuple(shown)


def _shown_argument(argument: str, before: str) -> str:
    option = _OPTION.fullmatch(argument)
    if option is not None and _SECRET_NAME.search(option.group(1)):
        return f"{option.group(1)}={MASK}"
    if before.startswith("-") and "=" not in before and _SECRET_NAME.search(before) and not argument.startswith("-"):
        return MASK
    return _USER_IN_URL.sub(rf"\g<1>{MASK}@", argument)


def restored(given: Stdio | Http, stored: Stdio | Http | None, path: str = "/reach") -> Stdio | Http:
    """Return a configuration with each "•••" replaced by what is stored in its place.

    Args:
        given: As somebody sent it.
        stored: As it is now; None: there is nothing to keep.
        path: The JSON pointer to it, for the problems.

    Raises:
        InvalidInput: Nothing is stored for a "•••", or it was meant for another address or command.
    """
    problems: list[Problem] = []
    sent = given.model_dump(mode="json")
    old = stored.model_dump(mode="json") if stored is not None else None
    shown = redacted(stored).model_dump(mode="json") if stored is not None else None
    whole = _restore(sent, shown, old, path, problems)
    if not problems and stored is not None and whole != sent and _elsewhere(whole, stored):
        message = "it leads elsewhere now: give its secrets again"
        problems.append(Problem(code="secret_needed", path=path, message=message))
    if problems:
        raise InvalidInput(problems[0].message, tuple(problems[:20]))
    return parse_reach(whole)


def _restore(given: Any, shown: Any, old: Any, path: str, problems: list[Problem]) -> Any:
    if isinstance(given, dict):
        members = cast("dict[str, Any]", given)
        return {
            key: _restore(value, _member(shown, key), _member(old, key), f"{path}/{escape(key)}", problems)
            for key, value in members.items()
        }
    if isinstance(given, list | tuple):
        items = cast("list[Any]", given)
        return [
            _restore(value, _item(shown, index), _item(old, index), f"{path}/{index}", problems)
            for index, value in enumerate(items)
        ]
    if not isinstance(given, str) or MASK not in given:
        return given
    if shown != given:
        message = f"nothing is stored here that {MASK} could stand for"
        problems.append(Problem(code="secret_missing", path=path, message=message))
    return old


def _member(value: Any, key: str) -> Any:
    return cast("dict[str, Any]", value).get(key) if isinstance(value, dict) else None


def _item(value: Any, index: int) -> Any:
    if not isinstance(value, list | tuple):
        return None
    items = cast("list[Any]", value)
    return items[index] if index < len(items) else None


def _elsewhere(given: dict[str, Any], stored: Stdio | Http) -> bool:
    """Whether kept secrets would go to another origin, or to another program, than they were given for."""
    if given["transport"] != stored.transport:
        return True
    if isinstance(stored, Stdio):
        return bool(given["command"] != stored.command)
    return _origin(given["url"]) != _origin(stored.url)


def _origin(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", url
    return parts.scheme, parts.netloc.rpartition("@")[2].lower()
