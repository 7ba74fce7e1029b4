import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from typing import Any

import psutil
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse

from domain.errors import (
    ToolAnswerInvalid,
    ToolAnswerTooLarge,
    ToolArgumentsInvalid,
    ToolAuthNeeded,
    ToolError,
    ToolFailed,
    ToolRefused,
    ToolUnavailable,
)
from domain.tool_server import BearerToken, Limits
from services.tools.client.connections import Connections
from tests.tools.connections.serving import call, http_server
from tests.tools.connections.wire import Wire, failed, result, said, wired, with_response

MEGABYTE = 1024 * 1024


async def error_of(connections: Connections, wire: Wire) -> ToolError:
    async with wired(wire) as url:
        with pytest.raises(ToolError) as caught:
            await call(connections, http_server(url), "act", {"secret": "ask"})
    return caught.value


@pytest.mark.parametrize(
    ("response", "kind", "may_have_happened"),
    [
        (Response(status_code=401), ToolAuthNeeded, False),
        (Response(status_code=403), ToolAuthNeeded, False),
        (Response(status_code=404), ToolUnavailable, False),
        (Response(status_code=400), ToolAnswerInvalid, False),
        (Response(status_code=429, headers={"retry-after": "7"}), ToolUnavailable, False),
        (Response(status_code=500), ToolUnavailable, True),
        (Response(status_code=503, headers={"retry-after": "7"}), ToolUnavailable, True),
        (Response(status_code=202), ToolAnswerInvalid, True),
        (PlainTextResponse("<html>"), ToolAnswerInvalid, True),
        (Response("{", media_type="application/json"), ToolAnswerInvalid, True),
        (Response('"text"', media_type="application/json"), ToolAnswerInvalid, True),
        (Response("[" * 100_000, media_type="application/json"), ToolAnswerInvalid, True),
        (JSONResponse({"jsonrpc": "2.0", "id": 999, "result": said("other")}), ToolAnswerInvalid, True),
        (Response("data: {\n\n", media_type="text/event-stream"), ToolAnswerInvalid, True),
        (Response("", media_type="text/event-stream"), ToolUnavailable, True),
        (Response(gzip.compress(b"{}"), headers={"content-encoding": "gzip"}), ToolAnswerInvalid, True),
        (RedirectResponse("http://other.test/mcp", 307), ToolRefused, False),
        (RedirectResponse("http://169.254.169.254/mcp", 308), ToolRefused, False),
        (RedirectResponse("/elsewhere", 302), ToolRefused, False),
    ],
    ids=lambda value: f"{value.status_code}" if isinstance(value, Response) else None,
)
async def test_each_reply_has_its_error(
    connections: Connections, response: Response, kind: type[ToolError], may_have_happened: bool
) -> None:
    wire = Wire(with_response(lambda _: response))
    error = await error_of(connections, wire)
    assert type(error) is kind
    assert error.may_have_happened is may_have_happened
    assert wire.calls() == 1


@pytest.mark.parametrize("status", [429, 503])
async def test_the_servers_own_patience_is_passed_on(connections: Connections, status: int) -> None:
    error = await error_of(
        connections, Wire(with_response(lambda _: Response(status_code=status, headers={"retry-after": "7"})))
    )
    assert error.retry_after_s == 7


@pytest.mark.parametrize(
    ("code", "kind", "may_have_happened"),
    [
        (-32001, ToolUnavailable, True),
        (-32602, ToolArgumentsInvalid, False),
        (-32603, ToolFailed, False),
        (-32000, ToolFailed, False),
        (-32700, ToolAnswerInvalid, True),
    ],
)
async def test_each_json_rpc_error_has_its_error(
    connections: Connections, code: int, kind: type[ToolError], may_have_happened: bool
) -> None:
    wire = Wire(with_response(lambda message: JSONResponse(failed(message, code, "the reason\u200b"))))
    error = await error_of(connections, wire)
    assert type(error) is kind
    assert getattr(error, "may_have_happened", False) is may_have_happened
    assert str(error) == "the reason"


@pytest.mark.parametrize("shape", [{}, {"content": 1}, {"content": [{"type": "strange"}]}, {"content": None}])
async def test_a_result_of_the_wrong_shape_is_invalid(connections: Connections, shape: dict[str, Any]) -> None:
    error = await error_of(connections, Wire(with_response(lambda message: JSONResponse(result(message, shape)))))
    assert isinstance(error, ToolAnswerInvalid)
    assert error.may_have_happened


@pytest.mark.parametrize("kind", ["application/json", "text/event-stream", "application/octet-stream"])
async def test_a_huge_answer_is_cut_off_while_it_arrives(connections: Connections, kind: str) -> None:
    async def flood() -> AsyncIterator[bytes]:
        yield b"data: " if kind == "text/event-stream" else b'{"x": "'
        for _ in range(20):
            yield b"x" * MEGABYTE

    before = psutil.Process().memory_info().rss
    error = await error_of(connections, Wire(with_response(lambda _: StreamingResponse(flood(), media_type=kind))))
    assert isinstance(error, (ToolAnswerTooLarge, ToolAnswerInvalid))
    assert isinstance(error, ToolAnswerTooLarge) or kind == "application/octet-stream"
    assert error.may_have_happened
    assert psutil.Process().memory_info().rss - before < 40 * MEGABYTE


async def test_too_much_around_an_answer_is_cut_off(connections: Connections) -> None:
    async def chatter() -> AsyncIterator[bytes]:
        for number in range(20):
            yield b'id: %d\ndata: {"jsonrpc":"2.0","method":"notifications/message","params":{' % number
            yield b'"level":"info","data":"' + b"x" * 1_000_000 + b'"}}\n\n'

    wire = Wire(with_response(lambda _: StreamingResponse(chatter(), media_type="text/event-stream")))
    async with wired(wire) as url:
        with pytest.raises(ToolAnswerTooLarge) as caught:
            await call(connections, http_server(url, limits=Limits(max_result_bytes=1024 * 1024)), "act")
    assert caught.value.may_have_happened


async def test_a_stream_that_breaks_off_is_taken_up_while_somebody_waits(connections: Connections) -> None:
    wire = Wire(with_response(lambda _: Response("retry: 1\nid: 7\ndata:\n\n", media_type="text/event-stream")))
    async with wired(wire) as url:
        with pytest.raises(ToolUnavailable) as caught:
            await call(connections, http_server(url), "act", timeout_s=1.2)
        assert caught.value.may_have_happened
        fetches = wire.fetches
        assert 1 <= fetches <= 4
        await asyncio.sleep(1.5)
        assert wire.fetches - fetches <= 1


async def test_an_answer_over_the_servers_limit_is_too_large(connections: Connections) -> None:
    def reply(message: dict[str, Any]) -> Response:
        return JSONResponse(result(message, said("x" * (2 * MEGABYTE + 1))))

    assert isinstance(await error_of(connections, Wire(with_response(reply))), ToolAnswerTooLarge)


async def test_half_a_surrogate_pair_becomes_a_replacement(connections: Connections) -> None:
    def reply(message: dict[str, Any]) -> Response:
        body = json.dumps(result(message, said("half HERE"))).replace("HERE", "\\ud83d")
        return Response(body, media_type="application/json")

    async with wired(Wire(with_response(reply))) as url:
        assert (await call(connections, http_server(url), "act")).text == "half \ufffd"


async def test_a_redirect_within_the_origin_is_followed(connections: Connections) -> None:
    async def reply(request: Request, message: dict[str, Any]) -> Response:
        if "again" in request.query_params:
            return JSONResponse(result(message, said("here")))
        return RedirectResponse("/mcp?again=1", 307)

    async with wired(Wire(reply)) as url:
        assert (await call(connections, http_server(url), "act")).text == "here"


async def test_redirects_without_end_are_refused(connections: Connections) -> None:
    assert isinstance(
        await error_of(connections, Wire(with_response(lambda _: RedirectResponse("/mcp", 307)))), ToolRefused
    )


async def test_a_401_at_the_greeting_asks_to_sign_in(connections: Connections) -> None:
    wire = Wire(with_response(lambda _: Response(status_code=500)))
    wire.greet = with_response(lambda _: Response(status_code=401))
    async with wired(wire) as url:
        server = http_server(url)
        for _ in range(2):  # without a pause: somebody may have signed in
            with pytest.raises(ToolAuthNeeded):
                await call(connections, server, "act")
        assert wire.calls() == 0
        assert not connections.health()[server.id].connected


async def test_a_private_address_is_refused_unless_allowed(connections: Connections) -> None:
    wire = Wire(with_response(lambda message: JSONResponse(result(message, said("here")))))
    async with wired(wire) as url:
        server = http_server(url)
        guarded = server.model_copy(update={"reach": server.reach.model_copy(update={"allow_private": False})})
        with pytest.raises(ToolRefused, match="private"):
            await call(connections, guarded, "act")
        assert wire.heard == []


async def test_a_forgotten_session_is_made_anew_and_the_call_sent_once_more(connections: Connections) -> None:
    wire = Wire(with_response(lambda message: JSONResponse(result(message, said("here")))))
    wire.session = "first"
    async with wired(wire) as url:
        server = http_server(url)
        await call(connections, server, "act")
        wire.session = "second"
        assert (await call(connections, server, "act")).text == "here"
        assert wire.calls() == 3


async def test_headers_and_a_bearer_token_are_sent_and_never_told(
    connections: Connections, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    secrets = ["s3cret-header", "s3cret-token", "s3cret-user", "s3cret-password", "s3cret-query"]

    def reply(message: dict[str, Any]) -> Response:
        return JSONResponse(failed(message, -32603, f"you sent {', '.join(secrets)}"))

    wire = Wire(with_response(reply))
    async with wired(wire) as address:
        url = address.replace("http://", "http://s3cret-user:s3cret-password@") + "?key=s3cret-query"
        server = http_server(url, headers={"X-Key": "s3cret-header"}, auth=BearerToken(token="s3cret-token"))
        with pytest.raises(ToolFailed) as caught:
            await call(connections, server, "act")
    assert wire.headers[-1]["x-key"] == "s3cret-header"
    assert wire.headers[-1]["authorization"] == "Bearer s3cret-token"
    told = [str(caught.value), caplog.text, str(connections.health())]
    assert not [secret for secret in secrets for text in told if secret in text]


async def test_other_calls_go_on_beside_one_that_fails(connections: Connections) -> None:
    async def reply(_: Request, message: dict[str, Any]) -> Response:
        how = message["params"]["arguments"].get("how")
        if how == "fail":
            return Response(status_code=500)
        await asyncio.sleep(0.2)
        return JSONResponse(result(message, said("fine")))

    async with wired(Wire(reply)) as url:
        server = http_server(url)
        good = [asyncio.create_task(call(connections, server, "act")) for _ in range(5)]
        bad = [asyncio.create_task(call(connections, server, "act", {"how": "fail"})) for _ in range(5)]
        assert [(await task).text for task in good] == ["fine"] * 5
        assert {type(error) for error in await asyncio.gather(*bad, return_exceptions=True)} == {ToolUnavailable}
