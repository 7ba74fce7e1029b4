"""What a provider's name resolves to is judged whenever a connection is made, and nothing else is connected to."""

import ssl
from ipaddress import ip_address
from pathlib import Path

import httpcore2
import httpx
import pytest

from domain.errors import ModelRejected, ModelUnavailable
from domain.model_pool import Dialect
from services.llm.adapters import open_adapters
from services.llm.adapters.judged_transport import JudgedTransport
from services.net import guard
from services.net.addresses import Address
from tests.llm.adapters.asking import Adapters, heard_from, target
from tests.llm.adapters.raw_server import chunked, events, lasting_server, raw_server, stream
from tests.llm.adapters.said import hello
from tests.net.certificate import write
from tests.net.served import serve

OPENAI = Dialect.OPENAI


class NameServer:
    """Answers in turn what it was told to, the last answer again and again."""

    def __init__(self) -> None:
        self.answers: list[list[str] | Exception] = [["127.0.0.1"]]
        self.asked: list[str] = []

    async def resolve(self, host: str, _port: int, _limit_s: float) -> list[Address]:
        answer = self.answers[min(len(self.asked), len(self.answers) - 1)]
        self.asked.append(host)
        if isinstance(answer, Exception):
            raise answer
        return [ip_address(text) for text in answer]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> NameServer:
    made = NameServer()
    monkeypatch.setattr(guard, "resolve", made.resolve)
    return made


def _named(url: str) -> str:
    return url.replace("127.0.0.1", "provider.test")


@pytest.mark.parametrize("dialect", list(Dialect))
@pytest.mark.parametrize("allow_private", [False, True])
@pytest.mark.parametrize("found", [["169.254.169.254"], ["fd00:ec2::254"], ["127.0.0.1", "169.254.169.254"]])
async def test_a_name_that_leads_to_a_metadata_service_is_refused_always(
    adapters: Adapters, names: NameServer, dialect: Dialect, found: list[str], *, allow_private: bool
) -> None:
    names.answers = [found]
    async with raw_server(stream(events(*hello(dialect)))) as server:
        with pytest.raises(ModelRejected) as caught:
            await heard_from(adapters, _named(server.url), dialect, allow_private=allow_private)
        with pytest.raises(ModelRejected):
            await adapters[dialect].models(target(_named(server.url), dialect, allow_private=allow_private))
    assert type(caught.value) is ModelRejected
    assert not caught.value.retryable
    assert "provider.test:" in str(caught.value)
    assert not [text for text in (*found, "sk-secret") if text in str(caught.value)]
    assert not server.asked


@pytest.mark.parametrize("found", [["10.0.0.1"], ["127.0.0.1"], ["1.1.1.1", "192.168.0.7"], ["fd12::1"]])
async def test_a_name_that_leads_into_a_private_network_is_refused_unless_allowed(
    adapters: Adapters, names: NameServer, found: list[str]
) -> None:
    names.answers = [found]
    with pytest.raises(ModelRejected, match=r"provider\.test:1 is in a private network"):
        await heard_from(adapters, "http://provider.test:1", OPENAI, allow_private=False)
    assert names.asked == ["provider.test"]


async def test_the_connection_goes_to_the_address_that_was_judged_and_each_is_judged_anew(
    adapters: Adapters, names: NameServer
) -> None:
    names.answers = [["127.0.0.1"], ["169.254.169.254"]]
    async with raw_server(stream(events(*hello(OPENAI)))) as server:
        assert (await heard_from(adapters, _named(server.url), OPENAI)).text == "Hello"
        with pytest.raises(ModelRejected):
            await heard_from(adapters, _named(server.url), OPENAI)
    assert [asked.headers["host"].partition(":")[0] for asked in server.asked] == ["provider.test"]


async def test_a_kept_connection_is_not_judged_again_and_serves_nobody_who_may_not_use_it(names: NameServer) -> None:
    answer = chunked(events(*hello(OPENAI))).replace(b"connection: close\r\n", b"")
    async with lasting_server(answer) as (url, served), open_adapters() as adapters:
        for _ in range(3):
            assert (await heard_from(adapters, _named(url), OPENAI)).text == "Hello"
        assert names.asked == ["provider.test"]
        with pytest.raises(ModelRejected):
            await heard_from(adapters, _named(url), OPENAI, allow_private=False)
        assert served == [3]


async def test_an_address_where_nobody_answers_gives_way_to_the_next(adapters: Adapters, names: NameServer) -> None:
    names.answers = [["::1", "127.0.0.1"], ["::1"]]
    async with raw_server(stream(events(*hello(OPENAI)))) as server:
        assert (await heard_from(adapters, _named(server.url), OPENAI)).text == "Hello"
        with pytest.raises(ModelUnavailable):
            await heard_from(adapters, _named(server.url), OPENAI)


@pytest.mark.parametrize("answer", [[], httpcore2.ConnectError("no such name"), httpcore2.ConnectTimeout("too slow")])
async def test_a_name_without_addresses_is_unavailable(
    adapters: Adapters, names: NameServer, answer: list[str] | Exception
) -> None:
    names.answers = [answer]
    with pytest.raises(ModelUnavailable):
        await heard_from(adapters, "http://provider.test:1", OPENAI)


async def test_a_certificate_is_checked_against_the_name_and_not_the_address(tmp_path: Path, names: NameServer) -> None:
    certificate = write(tmp_path, "named.test")
    context = ssl.create_default_context(cafile=certificate)
    with serve(certificate) as secure:
        transport = JudgedTransport(context, httpx.Limits(), allow_private=True)
        async with httpx.AsyncClient(transport=transport, timeout=5) as client:
            answer = await client.get(f"https://named.test:{secure.port}/")
            assert answer.text == f"named.test:{secure.port}"
            with pytest.raises(httpx.ConnectError, match="mismatch"):
                await client.get(f"https://other.test:{secure.port}/")
    assert names.asked == ["named.test", "other.test"]
