"""What a server's HTTP reply to a JSON-RPC request means: pure functions, so that a table can test them."""

import json
import math
import re
from http import HTTPStatus
from typing import Any, cast

from domain.errors import ToolAnswerInvalid, ToolAuthNeeded, ToolRefused, ToolUnavailable
from services.tools.client.errors import Failure

RETRY_AFTER_LIMIT_S = 300.0

_AUTH = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
_NOT_YET = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS)
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def refusal(status: int, retry_after: str | None) -> Failure | None:
    """Return what a status alone means; None when the body has to tell.

    Args:
        status: The HTTP status.
        retry_after: The header of that name.
    """
    if status in _AUTH:
        return Failure(ToolAuthNeeded, f"the server does not accept us (HTTP {status})")
    if status in _NOT_YET:
        return Failure(
            ToolUnavailable, f"the server asks for patience (HTTP {status})", retry_after_s=seconds(retry_after)
        )
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Failure(ToolUnavailable, f"the server failed (HTTP {status})", True, seconds(retry_after))  # noqa: FBT003 - a field of a tuple
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return Failure(ToolRefused, "the server redirects to another address, which is not followed")
    return None


def broken(status: int, kind: str, body: bytes | None, request_id: object) -> Failure | None:
    """Return what is wrong with a reply that `refusal` lets pass; None for a JSON-RPC message that answers the request.

    Args:
        status: The HTTP status.
        kind: The content type, without parameters.
        body: The whole body, if the content type is JSON.
        request_id: The request's id.
    """
    if status >= HTTPStatus.BAD_REQUEST:
        return None if _is_error(body) else _no_protocol(status)
    if status != HTTPStatus.OK or (body is None and kind != "text/event-stream"):
        return Failure(ToolAnswerInvalid, f"the server's reply is no answer (HTTP {status}, {kind[:100]})", True)  # noqa: FBT003 - a field of a tuple
    if body is not None and not _answers(body, request_id):
        return Failure(ToolAnswerInvalid, "the server's reply is no JSON-RPC answer to the request", True)  # noqa: FBT003 - a field of a tuple
    return None


def names_session(body: bytes | None) -> bool:
    """Whether an error is about the session, as servers write it that answer 400 to an unknown one."""
    return body is not None and b"session" in body.lower()


def repaired(body: bytes) -> bytes:
    """Return JSON without halves of surrogate pairs, which no store takes; anything else as it is."""
    if not _SURROGATE.search(body):
        return body
    message = _json(body)
    if message is None:
        return body
    text = json.dumps(message, ensure_ascii=False)
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def seconds(retry_after: str | None) -> float | None:
    """Return a Retry-After in seconds, at most 300; None when there is none or it is a date."""
    try:
        value = float(retry_after or "")
    except ValueError:
        return None
    return min(value, RETRY_AFTER_LIMIT_S) if math.isfinite(value) and value > 0 else None


def _no_protocol(status: int) -> Failure:
    if status == HTTPStatus.NOT_FOUND:
        return Failure(ToolUnavailable, "there is no MCP server at this address (HTTP 404)")
    return Failure(ToolAnswerInvalid, f"the server answered HTTP {status}, and not in the protocol")


def _is_error(body: bytes | None) -> bool:
    message = _json(body)
    return message is not None and isinstance(message.get("error"), dict)


def _answers(body: bytes, request_id: object) -> bool:
    """Whether a body is the answer; an error without an id is one to a request that could not be read."""
    message = _json(body)
    if message is None or ("result" not in message and "error" not in message):
        return False
    answered = message.get("id")
    return str(answered) == str(request_id) or (answered is None and "error" in message)


def _json(body: bytes | None) -> dict[str, Any] | None:
    try:
        message = json.loads(body or b"")
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", message) if isinstance(message, dict) else None
