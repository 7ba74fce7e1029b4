"""Reading the body of a gateway call: a JSON object that says each thing once, neither too large nor too deep."""

from typing import Any, Final, cast

from fastapi import Request

from api.bodies import StrictRequest, strict_json
from api.gateway.problems import refusal
from api.request_log import note_model

MAX_DEPTH: Final = 100
"""How deep objects and lists may stand in each other."""


async def read_object(request: Request) -> dict[str, Any]:
    """Return a request's body.

    Raises:
        ApiProblem: 413 when it is too large, 415 when its content type is not JSON, 400 when it is not JSON in UTF-8,
            has a NUL in a text, is too deep, says a member twice, or is no object.
    """
    body = parse(await StrictRequest(request.scope, request.receive).body())
    note_model(request.scope, body.get("model"))
    return body


def parse(raw: bytes) -> dict[str, Any]:
    """Return what a body says.

    Raises:
        ApiProblem: As `read_object`.
    """
    try:
        value = strict_json(raw, _members)
    except _Twice as error:
        raise refusal(400, "duplicate_field", "the body says a field twice", error.name) from None
    if not isinstance(value, dict):
        raise refusal(400, "invalid_type", "the body must be a JSON object")
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH and _is_deep(value):
        raise refusal(400, "too_deep", f"objects and lists may stand {MAX_DEPTH} deep in each other")
    return cast("dict[str, Any]", value)


class _Twice(Exception):
    """An object has a member of this name twice."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name[:100]


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        raise _Twice(next(name for name in made if names.count(name) > 1))
    return made


def _is_deep(value: object) -> bool:
    """Whether more than `MAX_DEPTH` objects and lists stand in each other."""
    level: list[object] = [value]
    for _ in range(MAX_DEPTH):
        level = [inner for item in level for inner in _within(item) if isinstance(inner, dict | list)]
        if not level:
            return False
    return True


def _within(value: object) -> list[Any]:
    return list(cast("dict[str, Any]", value).values()) if isinstance(value, dict) else cast("list[Any]", value)
