from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from domain.errors import (
    ModelAnswerInvalid,
    ModelCredentialDead,
    ModelError,
    ModelRejected,
    ModelThrottled,
    ModelUnavailable,
)
from services.llm.errors import HttpAnswer, from_answer, from_error_object, from_exception, retry_after_s

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SECRET = "sk-verysecret and the user's private prompt"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (429, ModelThrottled),
        (529, ModelThrottled),
        (401, ModelCredentialDead),
        (402, ModelCredentialDead),
        (403, ModelCredentialDead),
        (400, ModelRejected),
        (404, ModelRejected),
        (405, ModelRejected),
        (413, ModelRejected),
        (422, ModelRejected),
        (301, ModelRejected),
        (302, ModelRejected),
        (307, ModelRejected),
        (408, ModelUnavailable),
        (409, ModelUnavailable),
        (425, ModelUnavailable),
        (500, ModelUnavailable),
        (502, ModelUnavailable),
        (503, ModelUnavailable),
        (504, ModelUnavailable),
        (599, ModelUnavailable),
        (204, ModelAnswerInvalid),
        (206, ModelAnswerInvalid),
    ],
)
@pytest.mark.parametrize("body", [b"", b"<html>no</html>", b'{"error": "text"}', b"[1]", b'{"error": {"code": 7}}'])
def test_status_decides_the_error(status: int, body: bytes, kind: type[ModelError]) -> None:
    assert type(from_answer(HttpAnswer(status, {}, body), NOW)) is kind


def test_no_funds_is_a_dead_credential_though_it_comes_as_429() -> None:
    body = b'{"error": {"code": "insufficient_quota", "type": "insufficient_quota", "message": "pay"}}'
    error = from_answer(HttpAnswer(429, {}, body), NOW)
    assert type(error) is ModelCredentialDead
    assert "insufficient_quota" in str(error)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "0"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "99999999999"}, 60.0),
        ({"retry-after": "1e999"}, 60.0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "9" * 500}, 60.0),
        ({"retry-after": format_datetime(NOW.replace(second=20), usegmt=True)}, 20.0),
        ({"retry-after": format_datetime(NOW.replace(hour=10), usegmt=True)}, None),
        ({"retry-after": format_datetime(NOW.replace(year=2999), usegmt=True)}, 60.0),
        ({"retry-after": "Sat, 99 Nov 2026 12:00:20 GMT"}, None),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after-ms": "x", "retry-after": "7"}, 7.0),
    ],
)
def test_retry_after_is_clamped(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_s(headers, NOW) == seconds
    assert from_answer(HttpAnswer(429, headers, b""), NOW).retry_after_s == seconds


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": 429, "message": SECRET}, ModelThrottled),
        ({"code": 502, "message": SECRET}, ModelUnavailable),
        ({"code": 200}, ModelAnswerInvalid),
        ({"code": "rate_limit_exceeded"}, ModelThrottled),
        ({"type": "overloaded_error"}, ModelThrottled),
        ({"type": "server_error", "code": None}, ModelUnavailable),
        ({"code": "context_length_exceeded", "type": "invalid_request_error"}, ModelRejected),
        ({"code": "invalid_api_key"}, ModelCredentialDead),
        ({"message": SECRET}, ModelAnswerInvalid),
        (SECRET, ModelAnswerInvalid),
        ([SECRET], ModelAnswerInvalid),
    ],
)
def test_error_inside_a_200_is_read_by_its_code(error: Any, kind: type[ModelError]) -> None:
    assert type(from_error_object(error)) is kind


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (httpx.ConnectError(SECRET), ModelUnavailable),
        (httpx.ConnectTimeout(SECRET), ModelUnavailable),
        (httpx.ReadTimeout(SECRET), ModelUnavailable),
        (httpx.PoolTimeout(SECRET), ModelUnavailable),
        (httpx.ReadError(SECRET), ModelUnavailable),
        (httpx.RemoteProtocolError(SECRET), ModelUnavailable),
        (httpx.ProxyError(SECRET), ModelUnavailable),
        (httpx.StreamClosed(), ModelUnavailable),
        (httpx.DecodingError(SECRET), ModelAnswerInvalid),
        (httpx.UnsupportedProtocol(SECRET), ModelRejected),
        (httpx.LocalProtocolError(SECRET), ModelRejected),
        (httpx.InvalidURL(SECRET), ModelRejected),
    ],
)
def test_failed_exchange_is_mapped(
    error: httpx.HTTPError | httpx.InvalidURL | httpx.StreamError, kind: type[ModelError]
) -> None:
    mapped = from_exception(error)
    assert type(mapped) is kind
    assert "secret" not in str(mapped)


@pytest.mark.parametrize("status", [200, 400, 401, 429, 500])
def test_error_texts_carry_nothing_of_the_providers_words(status: int) -> None:
    body = f'{{"error": {{"message": "{SECRET}", "code": "{SECRET}", "type": "{SECRET * 50}"}}}}'.encode()
    for text in (
        str(from_answer(HttpAnswer(status, {}, body), NOW)),
        str(from_error_object({"message": SECRET, "code": SECRET, "type": SECRET})),
    ):
        assert "secret" not in text
        assert "private" not in text
        assert len(text) <= 500
