"""From a provider's answer, or its silence, to the domain's error: pure functions, so that a table can test them.

| what came | becomes |
|---|---|
| a telling code, with whatever status (`error_codes`) | what it says: context too long, content refused, no funds, … |
| 429, 529 | ModelThrottled with the provider's own delay, at most 60 s |
| 401, 402, 403 | ModelCredentialDead; a 403 that lists reasons of moderation ModelContentRefused |
| 400, 413, 422 with a telling sentence | what it says |
| 408, 409, 425, 5xx, network, cut stream, time-out | ModelUnavailable |
| other 4xx, redirects | ModelRejected |
| 200 with an error | by the error's own code, else ModelAnswerInvalid |
| HTML, no JSON, any other status | ModelAnswerInvalid |

The texts name statuses and well-known codes only: a provider's own words may quote a prompt or a key.
"""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any, NamedTuple, cast

import httpx

from domain.errors import (
    ModelAnswerInvalid,
    ModelContentRefused,
    ModelError,
    ModelRejected,
    ModelUnavailable,
)
from domain.json_fields import object_of, objects_of, text_of
from services.llm.adapters.error_codes import SENTENCES, STATUSES, TELLING, USUAL, Kind
from services.llm.adapters.retry_after import retry_after_s, retry_delay_s
from services.llm.adapters.strict_json import read_json

BODY_LIMIT = 64 * 1024
"""Bytes of an error's body that are read."""

_NO_STATUS = 600
_REFUSED = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY})


class HttpAnswer(NamedTuple):
    """An answer that is no success: status, headers (names are lower-case), and the body's first 64 KiB."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def from_answer(answer: HttpAnswer, now: datetime) -> ModelError:
    """Return the error that an HTTP answer means, with its headers. `now`: for a Retry-After that is a date."""
    error = error_in(answer.body)
    known = _codes(error)
    kind = _telling(answer.status, error, known) or _of_status(answer.status)
    delay_s = retry_after_s(answer.headers, now) or retry_delay_s(error)
    refusal = kind(_sentence(answer.status, known), delay_s)
    refusal.told = answer.headers
    return refusal


def from_error_object(raw: object) -> ModelError:
    """Return the error that an error object inside a 200 answer means."""
    error = {"message": raw} if isinstance(raw, str) else object_of(raw)
    known = _codes(error)
    said = error.get("code")
    status = said if isinstance(said, int) and HTTPStatus.BAD_REQUEST <= said < _NO_STATUS else None
    kind = _telling(status or HTTPStatus.BAD_REQUEST, error, known)
    if kind is None:
        usual = next((USUAL[code] for code in known), ModelAnswerInvalid)
        kind = usual if status is None else _of_status(status)
    return kind(_sentence(status or HTTPStatus.OK, known), retry_delay_s(error))


def from_exception(error: httpx.HTTPError | httpx.InvalidURL | httpx.StreamError) -> ModelError:
    """Return the error that a failed exchange means; the text names the kind of failure only."""
    if isinstance(error, (httpx.UnsupportedProtocol, httpx.InvalidURL, httpx.LocalProtocolError)):
        return ModelRejected(f"the request to the model provider cannot be sent ({type(error).__name__})")
    if isinstance(error, httpx.DecodingError):
        return ModelAnswerInvalid("the model provider's answer cannot be decoded")
    if isinstance(error, httpx.TimeoutException):
        return ModelUnavailable(f"the model provider does not answer in time ({type(error).__name__})")
    return ModelUnavailable(f"the connection to the model provider failed ({type(error).__name__})")


def error_in(body: bytes) -> dict[str, Any]:
    """Return the error object in an answer's body, in whichever place the server keeps it; empty: there is none."""
    try:
        data = read_json(body)
    except ModelAnswerInvalid:
        return {}
    whole = object_of(data) or next(iter(objects_of(data)), cast("dict[str, Any]", {}))
    error = whole.get("error")
    if isinstance(error, str):
        return {"message": error}
    return object_of(error) or (whole if "message" in whole else {})


def _telling(status: int, error: Mapping[str, Any], known: list[str]) -> Kind | None:
    for code in known:
        if code in TELLING:
            return TELLING[code]
    if status == HTTPStatus.FORBIDDEN and isinstance(object_of(error.get("metadata")).get("reasons"), list):
        return ModelContentRefused
    if status not in _REFUSED:
        return None
    message = text_of(error.get("message")).lower()
    return next((kind for kind, phrases in SENTENCES if any(phrase in message for phrase in phrases)), None)


def _of_status(status: int) -> Kind:
    if status in STATUSES:
        return STATUSES[status]
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return ModelUnavailable
    return ModelRejected if status >= HTTPStatus.MULTIPLE_CHOICES else ModelAnswerInvalid


def _codes(error: Mapping[str, Any]) -> list[str]:
    """Return the well-known codes in an error object, the more telling first."""
    details = [*objects_of(error.get("details")), object_of(error.get("details"))]
    said = (
        *(detail.get("reason") for detail in details),
        *(detail.get("error_code") for detail in details),
        error.get("code"),
        error.get("type"),
        error.get("status"),
    )
    codes = [code.lower() for code in said if isinstance(code, str)]
    known = [code for code in codes if code in TELLING or code in USUAL]
    return sorted(dict.fromkeys(known), key=lambda code: code not in TELLING)


def _sentence(status: int, known: list[str]) -> str:
    told = f" ({', '.join(known)})" if known else ""
    if status == HTTPStatus.OK:
        return f"the model provider told an error{told}"
    return f"the model provider answered {status}{told}"
