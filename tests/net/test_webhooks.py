"""Webhooks over real sockets: signed, bounded, and sent only where it is allowed."""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from domain.webhook_signature import Secrets
from services.net.webhooks import Receipt, WebhookSender
from tests.net.receiver import ENDLESS, OTHER, REDIRECT, SECRET, SLOW, Receiver, is_signed, receiving

BODY = json.dumps({"type": "call.finished", "text": "Tiếng Việt"}).encode()
PATIENCE_S = 10


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest_asyncio.fixture
async def sender() -> AsyncIterator[WebhookSender]:
    async with _sender() as made:
        yield made


def _sender(secrets: str = SECRET, *, allow_private: bool = True, timeout_s: float = PATIENCE_S) -> WebhookSender:
    return WebhookSender(Secrets.parse(secrets), allow_private=allow_private, timeout_s=timeout_s)


async def test_a_receiver_can_tell_that_it_is_ours(receiver: Receiver, sender: WebhookSender) -> None:
    url = receiver.hook(200)
    assert await sender.send(url, "call_1", BODY) == Receipt(200)
    (seen,) = receiver.at(url)
    assert seen.body == BODY
    assert seen.headers["content-type"] == "application/json"
    assert seen.headers["webhook-id"] == "call_1"
    assert abs(int(seen.headers["webhook-timestamp"]) - time.time()) < 60
    assert is_signed(seen, SECRET)
    assert not is_signed(seen, OTHER)


async def test_while_a_secret_is_replaced_either_proves_it(receiver: Receiver) -> None:
    url = receiver.hook(204)
    async with _sender(f"{OTHER}, {SECRET}") as sender:
        assert await sender.send(url, "call_2", BODY) == Receipt(204)
    (seen,) = receiver.at(url)
    assert is_signed(seen, SECRET)
    assert is_signed(seen, OTHER)


async def test_a_repeated_message_has_its_id_again_and_no_cookie(receiver: Receiver, sender: WebhookSender) -> None:
    url = receiver.hook(500, 200)
    assert [(await sender.send(url, "call_3", BODY)).status for _ in range(2)] == [500, 200]
    assert [seen.headers["webhook-id"] for seen in receiver.at(url)] == ["call_3", "call_3"]
    assert not any("cookie" in seen.headers for seen in receiver.at(url))


async def test_without_a_secret_nothing_is_sent(receiver: Receiver) -> None:
    url = receiver.hook(200)
    async with WebhookSender(None, allow_private=True, timeout_s=PATIENCE_S) as sender:
        assert await sender.send(url, "call_4", BODY) == Receipt(error="no_secret")
    assert receiver.at(url) == []


async def test_private_addresses_are_refused_unless_allowed(receiver: Receiver) -> None:
    url = receiver.hook(200)
    async with _sender(allow_private=False) as sender:
        for refused in (url, url.replace("127.0.0.1", "localhost"), "http://10.0.0.1/", "http://[::1]/"):
            assert await sender.send(refused, "call_5", BODY) == Receipt(error="address_refused")
    assert receiver.at(url) == []


async def test_metadata_services_are_refused_always(sender: WebhookSender) -> None:
    assert await sender.send("http://169.254.169.254/latest", "call_6", BODY) == Receipt(error="address_refused")


async def test_a_redirect_is_an_answer_and_is_not_followed(receiver: Receiver, sender: WebhookSender) -> None:
    assert await sender.send(receiver.hook(REDIRECT), "call_7", BODY) == Receipt(307)
    assert not any(seen.path == "/elsewhere" for seen in receiver.seen)


async def test_a_slow_receiver_is_left(receiver: Receiver) -> None:
    receiver.gone.clear()
    async with _sender(timeout_s=0.3) as sender:
        assert await sender.send(receiver.hook(SLOW), "call_8", BODY) == Receipt(error="timeout")
    assert await asyncio.to_thread(receiver.gone.wait, PATIENCE_S), "the connection is closed"


async def test_one_that_drips_its_head_is_left_too() -> None:
    async def drip(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nx-drip: ")
        try:
            while not writer.is_closing():
                writer.write(b"a")
                await writer.drain()
                await asyncio.sleep(0.02)
        except ConnectionError:
            pass

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    async with server, _sender(timeout_s=0.3) as sender:
        port = server.sockets[0].getsockname()[1]
        assert await sender.send(f"http://127.0.0.1:{port}/", "call_9", BODY) == Receipt(error="timeout")


async def test_what_a_receiver_says_beyond_its_status_is_not_read(receiver: Receiver, sender: WebhookSender) -> None:
    receiver.gone.clear()
    assert await sender.send(receiver.hook(ENDLESS), "call_10", BODY) == Receipt(200)
    assert await asyncio.to_thread(receiver.gone.wait, PATIENCE_S), "the connection is closed"


async def test_a_receiver_that_is_not_there_is_no_exception(sender: WebhookSender) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert await sender.send(f"http://127.0.0.1:{port}/", "call_11", BODY) == Receipt(error="connection_failed")
    assert await sender.send("http://no-such-host.invalid/", "call_11", BODY) == Receipt(error="connection_failed")
    assert await sender.send("http://xn--a.example:99999999/", "call_11", BODY) == Receipt(error="connection_failed")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("30", 30), ("0", 0), ("-5", None), ("soon", None), ("99999999999999999999", None), ("1e3", None), ("٣", None)],
)
async def test_a_receivers_wish_is_heard_when_it_is_seconds(
    receiver: Receiver, sender: WebhookSender, header: str, seconds: float | None
) -> None:
    url = receiver.hook((503, {"retry-after": header.encode().decode("latin-1")}))
    assert await sender.send(url, "call_12", BODY) == Receipt(503, retry_after_s=seconds)


def test_secrets_stand_in_no_text() -> None:
    assert "whsec" not in repr(Secrets.parse(SECRET))
    assert "secret of" not in repr(Secrets.parse(SECRET))
