"""Reading JSON bodies strictly: UTF-8, no NaN, no NUL, no lone surrogates.

What PostgreSQL cannot store or Temporal cannot carry is refused here, before anything is accepted. `api.body_limit`
bounds their size.
"""

import json
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn, cast

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import JsonValue

from api.problems import ApiProblem, invalid


class StrictRoute(APIRoute):
    """A route whose JSON body is read by `strict_json`; a body of another content type is a 415."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return FastAPI's handler, given a strict request."""
        handle = super().get_route_handler()

        async def strictly(request: Request) -> Response:
            return await handle(StrictRequest(request.scope, request.receive))

        return strictly


class StrictRequest(Request):
    """A request whose body is JSON in UTF-8, or is refused."""

    async def body(self) -> bytes:
        """Return the body as it came.

        Raises:
            ApiProblem: 413 when it is too large, 415 when its content type is not JSON.
        """
        raw = await super().body()
        if raw and not _is_json(self.headers.get("content-type", "")):
            raise ApiProblem(415, "not_json", "the content type of a body must be application/json")
        return raw

    async def json(self) -> JsonValue:
        """Return what the body says.

        Raises:
            ApiProblem: As `body` and `strict_json`.
        """
        return strict_json(await self.body())


def _is_json(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() == "application/json"


Pairs = Callable[[list[tuple[str, Any]]], dict[str, Any]]
"""Makes an object of its members in order."""


def strict_json(raw: bytes, pairs: Pairs | None = None) -> JsonValue:
    """Parse a body. `pairs` makes the objects; its ValueError is malformed JSON.

    Raises:
        ApiProblem: 400 when it is not JSON in UTF-8, 422 when a text in it holds a NUL or a lone surrogate.
    """
    try:
        text = raw.decode("utf-8")
        value = cast("JsonValue", json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=pairs))
    except UnicodeDecodeError:
        raise ApiProblem(400, "not_utf8", "the body is not UTF-8") from None
    except (ValueError, RecursionError):
        raise ApiProblem(400, "malformed_json", "the body is not valid JSON") from None
    if "\\u" in text:  # only an escape can smuggle in what UTF-8 and JSON forbid
        _check_texts(value)
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _check_texts(value: JsonValue) -> None:
    todo: list[tuple[str, JsonValue]] = [("", value)]
    while todo:
        path, item = todo.pop()
        if isinstance(item, str) and not is_storable(item):
            raise invalid("invalid_text", path, "a text holds a NUL or half of a surrogate pair")
        if isinstance(item, dict):
            todo += [(path, key) for key in item]
            todo += [(f"{path}/{key!a}", inner) for key, inner in item.items()]
        elif isinstance(item, list):
            todo += [(f"{path}/{index}", inner) for index, inner in enumerate(item)]


def is_storable(text: str) -> bool:
    """Whether a text can be stored and sent: no NUL, no lone surrogate."""
    return "\x00" not in text and not any("\ud800" <= char <= "\udfff" for char in text)
