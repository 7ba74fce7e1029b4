from datetime import UTC, datetime, timedelta

import pytest

from domain.budget import Usage
from domain.content import Text
from domain.errors import InvalidInput
from domain.gateway import CallError, CallOutcome
from domain.webhook import (
    KEEP_TRYING,
    LONGEST_PAUSE,
    URL_LIMIT,
    Delivery,
    DeliveryState,
    check_url,
    host_of,
    pause_after,
    state_after,
    told,
)

AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://example.org", "example.org"),
        ("https://example.org:8443/hook?a=b&c=%20", "example.org"),
        ("https://[2001:db8::1]/hook", "2001:db8::1"),
        ("HTTPS://EXAMPLE.org/", "example.org"),
    ],
)
def test_where_webhooks_may_go(url: str, host: str) -> None:
    check_url(url)
    assert host_of(url) == host


def test_open_ways_only_where_they_are_allowed() -> None:
    check_url("http://127.0.0.1:9/hook", allow_http=True)
    with pytest.raises(InvalidInput, match="https"):
        check_url("http://127.0.0.1:9/hook")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.org/hook",
        "//example.org/hook",
        "ftp://example.org/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https://",
        "https:///hook",
        "https://user:pw@example.org/",
        "https://user@example.org/",
        "https://@example.org/",
        "https://example.org:99999/",
        "https://example.org:port/",
        "https://[::1/",
        "https://exa mple.org/",
        "https://example.org/\r\nx: y",
        "https://example.org/\x00",
        "https://bücher.example/",
        "https://example.org/" + "a" * URL_LIMIT,
    ],
)
def test_what_is_no_url_for_a_webhook_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput):
        check_url(url, allow_http=True)


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_success_is_an_end(status: int) -> None:
    assert state_after(status, KEEP_TRYING * 2) is DeliveryState.DELIVERED


def test_gone_is_an_end() -> None:
    assert state_after(410, timedelta(0)) is DeliveryState.GONE


@pytest.mark.parametrize("status", [None, 100, 301, 307, 400, 401, 404, 429, 500, 503])
def test_anything_else_is_tried_again_for_a_day(status: int | None) -> None:
    assert state_after(status, timedelta(0)) is DeliveryState.RETRYING
    assert state_after(status, KEEP_TRYING - LONGEST_PAUSE) is DeliveryState.RETRYING
    assert state_after(status, KEEP_TRYING) is DeliveryState.GIVEN_UP


@pytest.mark.parametrize(
    ("wish", "pause"),
    [(None, None), (0, None), (-1, None), (float("nan"), None), (float("inf"), None), (7, 7), (1e12, 3600)],
)
def test_a_receivers_wish_is_bounded(wish: float | None, pause: float | None) -> None:
    assert pause_after(wish) == (None if pause is None else timedelta(seconds=pause))


def test_a_delivery_is_over_when_no_other_try_comes() -> None:
    over = {state for state in DeliveryState if Delivery(state=state).is_over}
    assert over == set(DeliveryState) - {DeliveryState.WAITING, DeliveryState.RETRYING}


def test_what_is_told_of_a_call_is_all_but_its_answer() -> None:
    outcome = CallOutcome(phase="done", answer=Text.inline("secret"), finish_reason="stop", usage=Usage(input_tokens=3))
    message = told("call_1", "m", outcome, AT, "https://here/v1/calls/call_1")
    assert (message["type"], message["timestamp"]) == ("call.finished", "2026-11-21T12:00:00+00:00")
    assert message["data"]["status"] == "done"
    assert message["data"]["usage"]["input_tokens"] == 3
    assert message["data"]["url"] == "https://here/v1/calls/call_1"
    assert "secret" not in str(message)


def test_a_failure_is_told_with_its_reason() -> None:
    error = CallError(status=502, type="api_error", code="model_unavailable", message="gone")
    message = told("call_1", "m", CallOutcome(phase="failed", error=error), AT, "")
    assert message["data"]["status"] == "failed"
    assert message["data"]["error"] == {
        "status": 502,
        "type": "api_error",
        "code": "model_unavailable",
        "message": "gone",
    }
