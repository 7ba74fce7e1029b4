"""Limits of accounts are held to exactly, told in each dialect's headers, and provable from the log."""

import threading
from contextlib import ExitStack

import httpx
import pytest

from simulators.model_provider.calls import account_of
from simulators.model_provider.json_value import Json
from simulators.model_provider.limits import Limit
from simulators.model_provider.settings import Settings
from tests.simulators.dialects import ALL, ANTHROPIC, GEMINI, OPENAI, Spoken, events
from tests.simulators.served import Provider, Serve


def windows(provider: Provider, window_s: float = 60.0) -> Json:
    """The peaks by account, as the server tells them."""
    return provider.http.get("/__sim/windows", params={"window_s": str(window_s)}).json()["windows"]


@pytest.mark.parametrize("spoken", ALL, ids=str)
def test_no_more_calls_are_taken_than_the_limit_allows(serve_with: Serve, spoken: Spoken) -> None:
    provider = serve_with(Settings(limit=Limit(rpm=2)))
    statuses = [spoken.ask(provider, key=key).status_code for key in ("a", "a", "a", "b")]
    assert statuses == [200, 200, 429, 200]
    assert [call["over_limit"] for call in provider.calls(status="429")] == [True]
    found = windows(provider)
    assert found[account_of("a")] == {
        "max_requests": 3,
        "max_tokens": 2 * provider.calls()[0]["tokens"],
        "max_concurrent": 1,
        "calls": 3,
        "refused": 1,
    }
    assert found[account_of("b")]["max_requests"] == 1


def test_refusals_say_in_each_dialect_when_to_come_back(serve_with: Serve) -> None:
    provider = serve_with(Settings(limit=Limit(rpm=1, window_s=30.0)))
    for spoken in ALL:
        accepted, refused = (spoken.ask(provider, key=spoken.name) for _ in range(2))
        assert (accepted.status_code, refused.status_code) == (200, 429)
        told = refused.headers.get("retry-after")
        if spoken is GEMINI:
            (retry,) = refused.json()["error"]["details"]
            told = retry["retryDelay"].removesuffix("s")
            assert "retry-after" not in refused.headers
        assert 20 < float(told or 0) <= 30


def test_openais_headers_tell_what_is_left(serve_with: Serve) -> None:
    provider = serve_with(Settings(limit=Limit(rpm=5, tpm=1000, window_s=30.0)))
    first, second = (OPENAI.ask(provider).headers for _ in range(2))
    assert (first["x-ratelimit-limit-requests"], first["x-ratelimit-remaining-requests"]) == ("5", "4")
    assert second["x-ratelimit-remaining-requests"] == "3"
    assert second["x-ratelimit-limit-tokens"] == "1000"
    assert int(second["x-ratelimit-remaining-tokens"]) < int(first["x-ratelimit-remaining-tokens"]) < 1000
    assert 20 < float(second["x-ratelimit-reset-requests"].removesuffix("s")) <= 30


def test_anthropics_headers_tell_what_is_left(serve_with: Serve) -> None:
    provider = serve_with(Settings(limit=Limit(rpm=5, tpm=1000)))
    headers = ANTHROPIC.ask(provider).headers
    assert headers["anthropic-ratelimit-requests-limit"] == "5"
    assert headers["anthropic-ratelimit-requests-remaining"] == "4"
    assert headers["anthropic-ratelimit-requests-reset"].endswith("Z")
    assert int(headers["anthropic-ratelimit-input-tokens-remaining"]) < 1000


def test_tokens_are_limited_by_what_calls_really_used(serve_with: Serve) -> None:
    provider = serve_with(Settings(limit=Limit(tpm=60)))
    provider.fault({"answer": "x" * 100}, match={"key": "a"})
    statuses = [OPENAI.ask(provider, key="a").status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert "tokens" in OPENAI.ask(provider, key="a").json()["error"]["message"]
    assert OPENAI.ask(provider, "x" * 1000, key="b").status_code == 429


def test_what_a_provider_did_not_answer_uses_no_tokens(serve_with: Serve) -> None:
    provider = serve_with(Settings(limit=Limit(tpm=20)))
    provider.fault({"status": 500})
    assert [OPENAI.ask(provider).status_code for _ in range(5)] == [500] * 5
    assert windows(provider)[account_of("k")]["max_tokens"] == 0


def test_free_calls_count_towards_nothing(serve_with: Serve) -> None:
    provider = serve_with(Settings(limit=Limit(rpm=1)))
    headers = ANTHROPIC.headers | {"x-api-key": "k"}
    for _ in range(3):
        assert provider.http.get("/v1/models", headers={"Authorization": "Bearer k"}).status_code == 200
        counted = provider.http.post(f"{ANTHROPIC.path}/count_tokens", json=ANTHROPIC.body("x"), headers=headers)
        assert counted.status_code == 200
    assert OPENAI.ask(provider).status_code == 200
    assert windows(provider)[account_of("k")]["calls"] == 1
    assert [call["kind"] for call in provider.calls(key="k")] == ["models", "count"] * 3 + ["chat"]
    assert provider.calls(key="other") == []


def test_faults_pass_free_calls_by_unless_they_name_them(provider: Provider) -> None:
    provider.fault({"status": 500}, times=1)
    assert provider.http.get("/v1/models").status_code == 200
    assert OPENAI.ask(provider).status_code == 500
    provider.fault({"status": 401}, match={"kind": "models", "key": "dead"})
    assert provider.http.get("/v1/models", headers={"Authorization": "Bearer dead"}).status_code == 401
    assert provider.http.get("/v1/models").status_code == 200


def test_calls_at_once_are_limited_until_one_is_over(serve_with: Serve) -> None:
    provider = serve_with(Settings(limit=Limit(concurrency=2)))
    provider.fault({"hang_after": 1}, match={"contains": "wait"})
    body = OPENAI.body("wait") | {"stream": True}
    headers = {"Authorization": "Bearer k"}
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(provider.http.stream("POST", OPENAI.path, json=body, headers=headers))
        assert OPENAI.ask(provider, key="k").status_code == 429
        assert OPENAI.ask(provider, key="other").status_code == 200
    while provider.calls(aborted="true") == []:  # the server learns of a dropped client by and by
        pass
    assert OPENAI.ask(provider, key="k").status_code == 200
    assert windows(provider)[account_of("k")]["max_concurrent"] == 3


def test_a_call_is_over_before_its_last_byte_is_read(serve_with: Serve) -> None:
    provider = serve_with(Settings(limit=Limit(concurrency=1)))
    for stream in (False, True) * 50:
        assert OPENAI.ask(provider, stream=stream).status_code == 200
    assert windows(provider)[account_of("k")]["max_concurrent"] == 1


def test_an_account_may_have_limits_of_its_own(serve_with: Serve) -> None:
    provider = serve_with(Settings(limit=Limit(rpm=1), limits={"big": Limit(rpm=3)}))
    assert [OPENAI.ask(provider, key="big").status_code for _ in range(4)] == [200, 200, 200, 429]
    answer = provider.http.put("/__sim/limits", json={"big": {"rpm": 4}, "small": {"concurrency": 1}})
    assert answer.status_code == 204
    assert [OPENAI.ask(provider, key="big").status_code for _ in range(2)] == [200, 429]
    assert provider.http.put("/__sim/limits", json={"big": {"rpm": "many"}}).status_code == 400


def test_the_log_can_be_read_in_pages(provider: Provider) -> None:
    for number in range(5):
        provider.ask(f"Hello {number}")
    numbers = [call["number"] for call in provider.calls()]
    pages: list[list[int]] = []
    after = "0"
    while page := provider.calls(after=after, limit="2"):
        pages.append([call["number"] for call in page])
        after = str(pages[-1][-1])
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [number for page in pages for number in page] == numbers == sorted(numbers)
    assert provider.http.get("/__sim/calls", params={"limit": "few"}).status_code == 400
    assert provider.http.get("/__sim/windows", params={"window_s": "long"}).status_code == 400


def test_the_memory_of_calls_is_bounded(serve_with: Serve) -> None:
    provider = serve_with(Settings(memory=3))
    for number in range(5):
        provider.ask(f"Hello {number}")
    assert [call["number"] for call in provider.calls()] == [3, 4, 5]


def test_every_answer_may_be_one_text_of_so_many_pieces(serve_with: Serve) -> None:
    provider = serve_with(Settings(chunks=68))
    for text in ("Hello", "What is 12*7?"):
        said = [OPENAI.delta(event) for event in events(OPENAI.ask(provider, text, stream=True).text)]
        assert len([piece for piece in said if piece]) == 68
        assert "".join(said) == OPENAI.text(OPENAI.ask(provider, text).json())


def test_many_at_once_are_counted_exactly(serve_with: Serve) -> None:
    provider = serve_with(Settings(limit=Limit(rpm=20)))
    statuses: list[int] = []

    def ask_often() -> None:
        with httpx.Client(base_url=provider.url, trust_env=False) as http:
            headers = {"Authorization": "Bearer k"}
            statuses.extend(
                http.post(OPENAI.path, json=OPENAI.body("x"), headers=headers).status_code for _ in range(10)
            )

    threads = [threading.Thread(target=ask_often) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (statuses.count(200), statuses.count(429)) == (20, 20)
    found = windows(provider)[account_of("k")]
    assert (found["max_requests"], found["refused"]) == (40, 20)
