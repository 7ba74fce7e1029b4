"""The guarded transport over real sockets."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from pathlib import Path

import httpcore2
import httpx2
import pytest

from domain.errors import InvalidInput
from services.net import guard
from services.net.addresses import Address
from services.net.guard import AddressRefused, GuardedBackend, guarded_transport, judge
from tests.net.certificate import write
from tests.net.served import Served, serve


def _client(*, allow_private: bool, follow: bool = False) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        transport=guarded_transport(allow_private=allow_private), timeout=5, follow_redirects=follow
    )


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.1",
        "10.0.0.1",
        "192.168.1.1",
        "100.64.0.1",
    ],
)
async def test_private_hosts_are_refused_in_every_spelling(served: Served, host: str) -> None:
    async with _client(allow_private=False) as client:
        with pytest.raises(AddressRefused) as caught:
            await client.get(f"http://user:hunter2@{host}:{served.port}/?key=hunter2")
    assert caught.value.code == "address_refused"
    assert isinstance(caught.value, InvalidInput)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "[fe80::1]", "[fd00:ec2::254]", "[::ffff:169.254.169.254]", "0.1.2.3", "224.0.0.1"]
)
async def test_metadata_and_link_local_are_refused_even_where_private_is_allowed(host: str) -> None:
    async with _client(allow_private=True) as client:
        with pytest.raises(AddressRefused):
            await client.get(f"http://{host}/latest/meta-data")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_private_is_reached_where_allowed_and_the_server_sees_the_name(served: Served, host: str) -> None:
    async with _client(allow_private=True) as client:
        answer = await client.get(f"http://{host}:{served.port}/")
    assert answer.text == f"{host}:{served.port}"


async def test_a_redirect_to_the_metadata_service_is_refused(served: Served) -> None:
    async with _client(allow_private=True, follow=True) as client:
        with pytest.raises(AddressRefused):
            await client.get(f"http://127.0.0.1:{served.port}/to?url=http://169.254.169.254/")


def test_one_private_address_among_public_ones_spoils_the_host() -> None:
    with pytest.raises(AddressRefused, match=r"^example\.org:443 "):
        judge("example.org", 443, [ip_address("1.1.1.1"), ip_address("10.0.0.1")], allow_private=False)
    judge("example.org", 443, [ip_address("1.1.1.1"), ip_address("10.0.0.1")], allow_private=True)
    judge("example.org", 443, [ip_address("1.1.1.1")], allow_private=False)


def _resolving_to(*answers: list[str]) -> Callable[[str, int, float], Awaitable[list[Address]]]:
    """A name server that answers differently each time it is asked."""
    left = list(answers)

    async def resolve(_host: str, _port: int, _limit_s: float) -> list[Address]:
        return [ip_address(text) for text in left.pop(0)]

    return resolve


async def test_the_connection_goes_to_the_address_that_was_judged(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name resolves once; a rebinding answer is never asked for, and each new connection is judged anew."""
    monkeypatch.setattr(guard, "resolve", _resolving_to(["127.0.0.1"], ["169.254.169.254"]))
    async with _client(allow_private=True) as client:
        answer = await client.get(f"http://rebinding.test:{served.port}/", headers={"Connection": "close"})
        assert answer.text == f"rebinding.test:{served.port}"
        with pytest.raises(AddressRefused):
            await client.get(f"http://rebinding.test:{served.port}/")


async def test_an_address_that_does_not_answer_gives_way_to_the_next(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "resolve", _resolving_to(["::1", "127.0.0.1"], [], ["::1"]))
    async with _client(allow_private=True) as client:
        answer = await client.get(f"http://two.test:{served.port}/", headers={"Connection": "close"})
        assert answer.status_code == 200
        for _ in range(2):
            with pytest.raises(httpx2.ConnectError):
                await client.get(f"http://none.test:{served.port}/")


async def test_a_name_server_that_never_answers_is_a_connect_time_out(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", never)
    transport = guarded_transport(allow_private=False)
    async with httpx2.AsyncClient(transport=transport, timeout=0.05) as client:
        with pytest.raises(httpx2.ConnectTimeout):
            await client.get("http://slow.test/")


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 64 + ".test"])
async def test_a_name_that_does_not_resolve_is_a_connect_error(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", unknown)
    async with _client(allow_private=False) as client:
        with pytest.raises(httpx2.ConnectError):
            await client.get(f"http://{host}/")


async def test_the_environments_proxy_is_not_asked(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    async with _client(allow_private=True) as client:
        assert (await client.get(f"http://localhost:{served.port}/")).status_code == 200


async def test_unix_sockets_are_refused() -> None:
    with pytest.raises(AddressRefused):
        await GuardedBackend(allow_private=True).connect_unix_socket("/run/docker.sock")


async def test_the_pool_may_wait_between_its_tries() -> None:
    backend: httpcore2.AsyncNetworkBackend = GuardedBackend(allow_private=True)
    await backend.sleep(0)


async def test_a_certificate_is_checked_against_the_name_and_not_the_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = write(tmp_path, "named.test")
    monkeypatch.setattr(guard, "resolve", _resolving_to(*[["127.0.0.1"]] * 3))
    with serve(certificate) as secure:
        trusting = guarded_transport(allow_private=True, verify=ssl.create_default_context(cafile=certificate))
        async with httpx2.AsyncClient(transport=trusting, timeout=5) as client:
            answer = await client.get(f"https://named.test:{secure.port}/")
            assert answer.text == f"named.test:{secure.port}"
            with pytest.raises(httpx2.ConnectError, match="mismatch"):
                await client.get(f"https://other.test:{secure.port}/")
        async with _client(allow_private=True) as client:
            with pytest.raises(httpx2.ConnectError, match="self-signed"):
                await client.get(f"https://named.test:{secure.port}/")
