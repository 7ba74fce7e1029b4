"""How long calls may take, who ends them, and where they may lead."""

import asyncio
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest

from domain.errors import ModelCredentialDead, ModelError, ModelRejected, ModelUnavailable
from domain.model_pool import Dialect
from services.llm.adapters import open_adapters
from services.llm.chat import Target
from services.llm.errors import ModelTimedOut
from tests.llm.adapters.asking import Adapters, chat_request, hear, heard_from, plain_request, target
from tests.llm.adapters.raw_server import chunked, dripping, events, holding, lasting_server, raw_server, reply, stream
from tests.llm.adapters.said import hello, opening

OPENAI, ANTHROPIC, GEMINI = Dialect
KEYS = {OPENAI: ("authorization", "bearer sk-secret"), ANTHROPIC: ("x-api-key", "sk-secret")}
KEYS[GEMINI] = ("x-goog-api-key", "sk-secret")


@pytest.mark.parametrize("dialect", list(Dialect))
async def test_a_dripping_answer_goes_on_until_its_caller_ends_it(adapters: Adapters, dialect: Dialect) -> None:
    comments = dripping(events(*opening(dialect)), 0, forever=b":")
    async with raw_server(comments) as server:
        heard: list[str] = []
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(_overhear(adapters, target(server.url, dialect, silence_s=0.3), heard), 0.5)
        assert "".join(heard) == "Hello"
        async with asyncio.timeout(2):
            await server.left.wait()


async def _overhear(adapters: Adapters, where: Target, heard: list[str]) -> None:
    async with aclosing(adapters[where.dialect].chat(where, chat_request())) as chunks:
        async for chunk in chunks:
            heard.append(chunk.text)  # noqa: PERF401  what came before the end counts


@pytest.mark.parametrize("dialect", list(Dialect))
async def test_a_caller_who_leaves_closes_the_connection(adapters: Adapters, dialect: Dialect) -> None:
    async with raw_server(holding(stream(events(*opening(dialect))))) as server:
        async with aclosing(adapters[dialect].chat(target(server.url, dialect), chat_request())) as chunks:
            async for chunk in chunks:
                if chunk.text:
                    break
        async with asyncio.timeout(2):
            await server.left.wait()


@pytest.mark.parametrize("dialect", list(Dialect))
@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\n", stream(b": waiting\n\n"), reply(500)[:-2]])
async def test_silence_is_bounded(adapters: Adapters, dialect: Dialect, said: bytes) -> None:
    async with raw_server(holding(said)) as server:
        with pytest.raises(ModelUnavailable):
            await heard_from(adapters, server.url, dialect, silence_s=0.2)
        async with asyncio.timeout(2):
            await server.left.wait()


@pytest.mark.parametrize("dialect", list(Dialect))
async def test_a_redirect_is_not_followed(adapters: Adapters, dialect: Dialect) -> None:
    async with raw_server(reply(200)) as secret:
        moved = reply(307, b"", {"location": f"{secret.url}/latest/meta-data"})
        async with raw_server(moved) as server:
            with pytest.raises(ModelRejected) as caught:
                await heard_from(adapters, server.url, dialect)
            with pytest.raises(ModelRejected):
                await adapters[dialect].models(target(server.url, dialect))
    assert not secret.asked
    assert "meta-data" not in str(caught.value)


@pytest.mark.parametrize("dialect", list(Dialect))
async def test_nobody_there_is_unavailable(adapters: Adapters, dialect: Dialect) -> None:
    with pytest.raises(ModelUnavailable):
        await heard_from(adapters, "http://127.0.0.1:1", dialect)
    with pytest.raises(ModelUnavailable):
        await adapters[dialect].models(target("http://127.0.0.1:1", dialect))


@pytest.mark.parametrize("dialect", list(Dialect))
@pytest.mark.parametrize(
    "base", ["nonsense", "ftp://127.0.0.1", "http://", "http://127.0.0.1:99999", "http://[::1", "\0"]
)
async def test_no_address_is_rejected(adapters: Adapters, dialect: Dialect, base: str) -> None:
    with pytest.raises(ModelRejected):
        await heard_from(adapters, base, dialect)


@pytest.mark.parametrize("dialect", list(Dialect))
async def test_the_credential_stands_in_its_header_and_nowhere_else(adapters: Adapters, dialect: Dialect) -> None:
    async with raw_server(stream(events(*hello(dialect)))) as server:
        where = target(server.url, dialect, headers={"X-Team": "blue", "Host": "evil", "Accept-Encoding": "br"})
        await hear(adapters[dialect], where, chat_request())
        await hear(adapters[dialect], target(server.url, dialect, credential=None), chat_request())
    first, second = server.asked
    name, value = KEYS[dialect]
    assert first.headers[name] == value
    assert name not in second.headers
    assert "secret" not in first.line
    assert b"secret" not in first.body
    assert "secret" not in repr(where)
    assert first.headers["x-team"] == "blue"
    assert first.headers["accept-encoding"] == "identity"
    assert first.headers["host"].startswith("127.0.0.1")


@pytest.mark.parametrize("dialect", list(Dialect))
@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"credential": "sk\r\nx-evil: 1"}, ModelCredentialDead),
        ({"credential": "sk\u20ac"}, ModelCredentialDead),
        ({"headers": {"x-team": "\u20ac"}}, ModelRejected),
        ({"headers": {"x-team": "a\r\nb: c"}}, ModelRejected),
        ({"headers": {"x team": "a"}}, ModelRejected),
    ],
)
async def test_what_no_header_may_hold_is_not_sent(
    adapters: Adapters, dialect: Dialect, changes: dict[str, Any], kind: type[ModelError]
) -> None:
    async with raw_server(stream(events(*hello(dialect)))) as server:
        with pytest.raises(ModelError) as caught:
            await heard_from(adapters, server.url, dialect, **changes)
    assert type(caught.value) is kind
    assert not server.asked
    assert "sk" not in str(caught.value)


@pytest.mark.parametrize("dialect", list(Dialect))
async def test_the_idempotency_key_goes_along(adapters: Adapters, dialect: Dialect) -> None:
    async with raw_server(stream(events(*hello(dialect)))) as server:
        request = chat_request()
        await hear(adapters[dialect], target(server.url, dialect), request)
        await hear(adapters[dialect], target(server.url, dialect), replace(request, idempotency_key="call/1"))
    assert "idempotency-key" not in server.asked[0].headers
    assert server.asked[1].headers["idempotency-key"] == "call/1"


@pytest.mark.parametrize(("dialect", "version"), [(ANTHROPIC, "/v1"), (GEMINI, "/v1beta")])
async def test_a_base_url_may_end_with_the_version(adapters: Adapters, dialect: Dialect, version: str) -> None:
    async with raw_server(stream(events(*hello(dialect)))) as server:
        where = target(server.url, dialect)
        for url in (where.base_url, f"{where.base_url}/", f"{where.base_url}{version}"):
            await hear(adapters[dialect], replace(where, base_url=url), chat_request())
    assert len({asked.line for asked in server.asked}) == 1


@pytest.mark.parametrize("dialect", list(Dialect))
async def test_a_connection_is_used_again(dialect: Dialect) -> None:
    answer = chunked(events(*hello(dialect))).replace(b"connection: close\r\n", b"")
    async with lasting_server(answer) as (url, served), open_adapters() as adapters:
        for _ in range(3):
            assert (await heard_from(adapters, url, dialect)).text == "Hello"
        assert served == [3]


async def test_a_call_beyond_the_pool_waits_its_turn() -> None:
    async with open_adapters(max_connections=1) as adapters, raw_server(stream(events(*hello(OPENAI)))) as server:
        answers = await asyncio.gather(*(heard_from(adapters, server.url, OPENAI) for _ in range(5)))
    assert [answer.text for answer in answers] == ["Hello"] * 5


async def test_a_plain_call_has_an_end(adapters: Adapters) -> None:
    body = dripping(b"", 0, forever=b" ")
    async with raw_server(body) as server:
        request = plain_request(input="Hello")
        with pytest.raises(ModelTimedOut):
            await adapters[OPENAI].embed(target(server.url, OPENAI), replace(request, timeout_s=0.2))
        async with asyncio.timeout(2):
            await server.left.wait()
