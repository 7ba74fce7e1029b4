import json
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from domain.errors import (
    ModelAnswerInvalid,
    ModelContentRefused,
    ModelContextTooLong,
    ModelCredentialDead,
    ModelError,
    ModelRejected,
    ModelThrottled,
    ModelUnavailable,
)
from services.llm.adapters.refusals import HttpAnswer, from_answer, from_error_object, from_exception
from services.llm.adapters.retry_after import retry_after_s, retry_delay_s

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


GOOGLE = "type.googleapis.com/google.rpc."


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        # OpenAI and its relatives
        (400, {"code": "context_length_exceeded", "message": SECRET}, ModelContextTooLong),
        (400, {"message": "This model's maximum context length is 8192 tokens. However, …"}, ModelContextTooLong),
        (400, {"type": "exceed_context_size_error", "message": SECRET}, ModelContextTooLong),
        (400, {"message": "The decoder prompt is longer than the maximum model length of 4096"}, ModelContextTooLong),
        (400, {"message": "Range of input length should be [1, 30720]"}, ModelContextTooLong),
        (400, {"code": "content_policy_violation", "message": SECRET}, ModelContentRefused),
        (400, {"code": "content_filter", "innererror": {}}, ModelContentRefused),
        (400, {"code": "invalid_prompt", "message": "violating our usage policy"}, ModelContentRefused),
        (400, {"code": "data_inspection_failed"}, ModelContentRefused),
        (400, {"message": "Content Exists Risk", "type": "invalid_request_error"}, ModelContentRefused),
        (401, {"code": "invalid_api_key"}, ModelCredentialDead),
        (402, {"message": "Insufficient Balance", "code": "invalid_request_error"}, ModelCredentialDead),
        (403, {"code": 403, "metadata": {"reasons": ["violence"]}}, ModelContentRefused),
        (403, {"code": "permission_denied", "metadata": "no"}, ModelCredentialDead),
        (404, {"code": "model_not_found"}, ModelRejected),
        (413, {"code": "rate_limit_exceeded", "type": "tokens"}, ModelRejected),
        (429, {"code": "rate_limit_exceeded", "message": "reduce the length of the messages"}, ModelThrottled),
        (429, {"code": "billing_hard_limit_reached"}, ModelCredentialDead),
        (500, {"type": "exceed_context_size_error"}, ModelContextTooLong),
        (503, {"code": "engine_overloaded"}, ModelUnavailable),
        # Anthropic
        (
            400,
            {"type": "invalid_request_error", "message": "prompt is too long: 9 tokens > 8 maximum"},
            ModelContextTooLong,
        ),
        (
            400,
            {"type": "invalid_request_error", "message": "input length and `max_tokens` exceed context limit: 9"},
            ModelContextTooLong,
        ),
        (400, {"type": "invalid_request_error", "message": "Your credit balance is too low"}, ModelCredentialDead),
        (
            400,
            {"type": "invalid_request_error", "message": "Output blocked by content filtering policy"},
            ModelContentRefused,
        ),
        (
            400,
            {"type": "invalid_request_error", "details": {"error_code": "organization_on_hold"}},
            ModelCredentialDead,
        ),
        (400, {"type": "invalid_request_error", "message": SECRET}, ModelRejected),
        (402, {"type": "billing_error"}, ModelCredentialDead),
        (413, {"type": "request_too_large"}, ModelRejected),
        (429, {"type": "rate_limit_error"}, ModelThrottled),
        (500, {"type": "api_error"}, ModelUnavailable),
        (504, {"type": "timeout_error"}, ModelUnavailable),
        (529, {"type": "overloaded_error"}, ModelThrottled),
        # Gemini
        (
            400,
            {
                "status": "INVALID_ARGUMENT",
                "message": "The input token count (9) exceeds the maximum number of tokens allowed (8).",
            },
            ModelContextTooLong,
        ),
        (
            400,
            {"status": "INVALID_ARGUMENT", "details": [{"@type": GOOGLE + "ErrorInfo", "reason": "API_KEY_INVALID"}]},
            ModelCredentialDead,
        ),
        (
            400,
            {"status": "INVALID_ARGUMENT", "message": "API key not valid. Please pass a valid API key."},
            ModelCredentialDead,
        ),
        (400, {"status": "INVALID_ARGUMENT", "message": SECRET}, ModelRejected),
        (400, {"status": "FAILED_PRECONDITION"}, ModelRejected),
        (403, {"status": "PERMISSION_DENIED"}, ModelCredentialDead),
        (404, {"status": "NOT_FOUND"}, ModelRejected),
        (429, {"status": "RESOURCE_EXHAUSTED", "message": "check your plan and billing details"}, ModelThrottled),
        (503, {"status": "UNAVAILABLE", "message": "The model is overloaded."}, ModelUnavailable),
        (504, {"status": "DEADLINE_EXCEEDED"}, ModelUnavailable),
    ],
)
def test_what_an_error_object_says_counts_with_its_status(
    status: int, error: dict[str, Any], kind: type[ModelError]
) -> None:
    mapped = from_answer(HttpAnswer(status, {}, json.dumps({"error": error}).encode()), NOW)
    assert type(mapped) is kind
    assert "secret" not in str(mapped)


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "prompt is too long"}},
        {"type": "error", "error": {"type": "invalid_request_error", "message": "prompt is too long"}},
        [{"error": {"code": 400, "message": "prompt is too long"}}],
        {"error": "prompt is too long"},
        {"object": "error", "message": "prompt is too long", "code": 400},
    ],
)
def test_error_objects_are_found_where_each_server_keeps_them(body: Any) -> None:
    assert type(from_answer(HttpAnswer(400, {}, json.dumps(body).encode()), NOW)) is ModelContextTooLong


@pytest.mark.parametrize(
    ("delay", "seconds"),
    [
        ("34.07s", 34.07),
        ("7s", 7.0),
        ("0s", None),
        ("-5s", None),
        ("86400s", 60.0),
        ("99999999999999s", None),
        ("NaNs", None),
        ("", None),
        (7, None),
        (None, None),
    ],
)
def test_googles_own_delay_is_kept(delay: Any, seconds: float | None) -> None:
    details = [{"@type": GOOGLE + "QuotaFailure"}, {"@type": GOOGLE + "RetryInfo", "retryDelay": delay}]
    error = {"code": 429, "status": "RESOURCE_EXHAUSTED", "details": details}
    mapped = from_answer(HttpAnswer(429, {}, json.dumps({"error": error}).encode()), NOW)
    assert type(mapped) is ModelThrottled
    assert mapped.retry_after_s == retry_delay_s(error) == seconds
    assert from_error_object(error).retry_after_s == seconds


def test_the_headers_delay_goes_before_the_bodys() -> None:
    body = json.dumps({"error": {"details": [{"retryDelay": "30s"}]}}).encode()
    assert from_answer(HttpAnswer(429, {"retry-after": "3"}, body), NOW).retry_after_s == 3


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
        ({"code": "context_length_exceeded", "type": "invalid_request_error"}, ModelContextTooLong),
        ({"code": 400, "message": "This endpoint's maximum context length is 4096 tokens"}, ModelContextTooLong),
        ({"code": 403, "metadata": {"reasons": ["violence"]}}, ModelContentRefused),
        ({"code": 402, "message": SECRET}, ModelCredentialDead),
        ({"code": 400, "message": SECRET}, ModelRejected),
        ({"code": "server_error", "message": SECRET}, ModelUnavailable),
        ({"type": "api_error"}, ModelUnavailable),
        ({"type": "timeout_error"}, ModelUnavailable),
        ({"type": "request_too_large"}, ModelRejected),
        ({"type": "billing_error"}, ModelCredentialDead),
        ({"code": 503, "status": "UNAVAILABLE"}, ModelUnavailable),
        ({"status": "RESOURCE_EXHAUSTED"}, ModelThrottled),
        ({"status": "DEADLINE_EXCEEDED"}, ModelUnavailable),
        ("prompt is too long", ModelContextTooLong),
        ({"code": True}, ModelAnswerInvalid),
        ({"code": 10**30}, ModelAnswerInvalid),
        ({"type": ["x"], "code": {}, "details": 5, "metadata": [1]}, ModelAnswerInvalid),
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
