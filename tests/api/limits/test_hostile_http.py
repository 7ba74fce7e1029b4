import asyncio

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send

from api import body_limit, bounded_http, route_time
from api.body_limit import Body
from api.bounded_http import MAX_HEAD_BYTES, MAX_HEADERS
from api.problems import ApiProblem
from api.route_time import RouteTime, time_of
from tests.limits.raw import raw, request


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_http, "HEAD_WITHIN_S", 0.3)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("sent", ["", "GET /livez HTTP/1.1\r\nHost: loc", "\r\n\r\n", "GE"])
async def test_a_head_that_does_not_come_to_its_end_is_not_waited_for(idle: httpx.AsyncClient, sent: str) -> None:
    async with raw(idle) as connection:
        await connection.send(sent)
        told = await connection.all_that_comes()
    assert told.startswith(b"HTTP/1.1 408") if sent else told == b""


@pytest.mark.usefixtures("hasty")
async def test_dripping_headers_do_not_win_time(idle: httpx.AsyncClient) -> None:
    async with raw(idle) as connection:
        await connection.send("GET /livez HTTP/1.1\r\nHost: localhost\r\n")
        answering = asyncio.create_task(connection.all_that_comes())
        drips = 0
        while not answering.done():
            await connection.send(f"x-{drips}: 1\r\n")
            drips += 1
            await asyncio.wait({answering}, timeout=0.02)
        told = await answering
    assert told.startswith(b"HTTP/1.1 408")
    assert b"headers_too_slow" in told
    assert drips < 60


@pytest.mark.usefixtures("hasty")
async def test_dripping_line_ends_do_not_keep_an_idle_connection_open(idle: httpx.AsyncClient) -> None:
    async with raw(idle) as connection:
        await connection.send(request("GET /livez"))
        assert b" 200 " in await connection.head()
        answering = asyncio.create_task(connection.all_that_comes())
        while not answering.done():
            await connection.send("\r\n")
            await asyncio.wait({answering}, timeout=0.02)
        await answering


async def test_one_connection_serves_many_requests(idle: httpx.AsyncClient) -> None:
    async with raw(idle) as connection:
        for size in (10, 200_000, 0):
            body = "x" * size
            await connection.send(request("POST /v1/requests", f"Content-Length: {size}") + body)
            head = await connection.head()
            assert b" 415 " in head or b" 422 " in head
            length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            await connection.exactly(length)


async def test_a_connection_outlives_the_time_that_clients_keep_it_in_their_pools(idle: httpx.AsyncClient) -> None:
    async with raw(idle) as connection:
        await connection.send(request("GET /livez"))
        length = int((await connection.head()).lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        await connection.exactly(length)
        await asyncio.sleep(5.5)  # httpx keeps one for 5 s, and uvicorn by itself closes one after 5 s
        await connection.send(request("GET /livez"))
        assert b" 200 " in await connection.head()


async def test_a_client_that_does_not_read_is_not_waited_for(
    idle: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded_http, "READ_WITHIN_S", 0.3)
    size, times = len((await idle.get("/openapi.json")).content), 40
    async with raw(idle) as connection:
        await connection.send(request("GET /openapi.json") * times)
        await asyncio.sleep(2)  # tens of megabytes, more than the buffers take
        assert len(await connection.all_that_comes()) < size * times


@pytest.mark.parametrize(
    "headers",
    [
        ["x-long: " + "a" * (MAX_HEAD_BYTES + 10)],
        [f"x-{n}: 1" for n in range(MAX_HEADERS)],
        [f"x-{n}: " + "b" * 2000 for n in range(40)],
    ],
)
async def test_too_much_of_headers_is_a_431(idle: httpx.AsyncClient, headers: list[str]) -> None:
    async with raw(idle) as connection:
        await connection.send(request("GET /livez", *headers))
        told = await connection.all_that_comes()
    assert told.startswith(b"HTTP/1.1 431")
    assert b"headers_too_large" in told


async def test_a_header_without_end_is_not_kept(idle: httpx.AsyncClient) -> None:
    async with raw(idle) as connection:
        await connection.send("GET /livez HTTP/1.1\r\nx-endless: ")
        for _ in range(80):
            await connection.send("c" * 1024)
        told = await connection.all_that_comes()
    assert told == b"" or told.startswith(b"HTTP/1.1 431")


async def test_what_is_not_http_is_a_400(idle: httpx.AsyncClient) -> None:
    async with raw(idle) as connection:
        await connection.send("\x16\x03\x01 hello\r\n\r\n")
        told = await connection.all_that_comes()
    assert told.startswith(b"HTTP/1.1 400")


async def never() -> Message:
    await asyncio.sleep(3600)
    raise AssertionError


async def test_a_body_that_does_not_come_is_a_408() -> None:
    with pytest.raises(ApiProblem) as caught:
        await Body(never, 1000, first_s=0.05).receive()
    assert (caught.value.status_code, caught.value.code) == (408, "body_too_slow")


async def test_a_dripping_body_is_not_waited_for_for_ever() -> None:
    async def drip() -> Message:
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b"x", "more_body": True}

    body = Body(drip, 1_000_000, first_s=0.1)

    async def read_on() -> None:
        while True:
            await body.receive()

    async with asyncio.timeout(5):
        with pytest.raises(ApiProblem, match="too long"):
            await read_on()


async def test_after_the_body_nothing_is_hurried() -> None:
    sent: list[Message] = [{"type": "http.request", "body": b"x", "more_body": False}]

    async def receive() -> Message:
        if sent:
            return sent.pop()
        await asyncio.sleep(0.2)
        return {"type": "http.disconnect"}

    body = Body(receive, 1000, first_s=0.05)
    await body.receive()
    assert (await body.receive())["type"] == "http.disconnect"


async def test_a_slow_body_is_told_by_the_api(idle: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_limit, "FIRST_S", 0.2)
    async with raw(idle) as connection:
        heads = ("Content-Type: application/json", "Content-Length: 100")
        await connection.send(request("POST /v1/requests", *heads) + '{"mess')
        told = await connection.all_that_comes()
    assert told.startswith(b"HTTP/1.1 408")
    assert b"body_too_slow" in told


async def answers_of(app: RouteTime, path: str) -> list[Message]:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {"type": "http", "method": "GET", "path": path, "headers": [], "state": {"request_id": "r"}}
    await app(scope, never, send)
    return sent


async def test_a_route_that_takes_too_long_is_a_504(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(route_time, "USUAL_S", 0.05)

    async def slow(_scope: Scope, _receive: Receive, _send: Send) -> None:
        await asyncio.sleep(3600)

    sent = await answers_of(RouteTime(slow), "/v1/tools")
    assert sent[0]["status"] == 504
    assert b"route_timed_out" in sent[1]["body"]


async def test_a_stream_that_has_begun_may_take_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(route_time, "USUAL_S", 0.05)

    def begun(kind: str) -> RouteTime:
        async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
            headers = [(b"content-type", kind.encode())]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await asyncio.sleep(0.15)
            await send({"type": "http.response.body", "body": b"end", "more_body": False})

        return RouteTime(app)

    assert (await answers_of(begun("text/event-stream; charset=utf-8"), "/v1/tools"))[1]["body"] == b"end"
    with pytest.raises(ConnectionAbortedError):
        await answers_of(begun("application/json"), "/v1/tools")


async def test_an_error_of_the_application_stays_what_it_is() -> None:
    async def broken(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        await answers_of(RouteTime(broken), "/v1/tools")


def test_calls_of_models_have_times_of_their_own_and_waits_their_minute() -> None:
    assert time_of("/v1/chat/completions") is None
    assert time_of("/v1/requests/req_1") == route_time.WAITING_S > 60
    assert time_of("/v1/limits") == route_time.USUAL_S
