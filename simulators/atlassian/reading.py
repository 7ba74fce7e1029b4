"""Reading what a call brings: its JSON body and its numbers."""

import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from simulators.atlassian.errors import RefusedError
from simulators.model_provider.json_value import as_object


async def json_body(request: Request) -> dict[str, Any]:
    """Return the body's JSON object.

    Raises:
        RefusedError: It has none.
    """
    try:
        body = as_object(await request.json())
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise RefusedError(400, "The request's body is not JSON.") from error
    if body is None:
        raise RefusedError(400, "The request's body is not a JSON object.")
    return body


def number(asked: Mapping[str, Any], name: str, usual: int, limit: int) -> int:
    """Return a parameter that is a count, at most `limit`.

    Raises:
        RefusedError: It is no number.
    """
    text = str(asked.get(name, usual))
    if not text.isdecimal():
        raise RefusedError(400, f"{name} is not a number: {text[:50]}")
    return min(int(text), limit)


def base_url(request: Request) -> str:
    """Return the address that the caller used, without a path."""
    return f"{request.url.scheme}://{request.url.netloc}"
