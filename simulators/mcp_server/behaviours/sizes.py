"""Answers that are too large."""

from simulators.mcp_server.behaviours.registry import ANYWHERE, Reach, Stage, behaviour
from simulators.mcp_server.deeds import text_result
from simulators.mcp_server.http_wire import JSON, over_http
from simulators.mcp_server.turn import Turn, encode

LARGE = 20 * 1024 * 1024
PIECE = 64 * 1024
BLOCKS = 50_000


@behaviour(*ANYWHERE)
async def twenty_megabytes(turn: Turn) -> None:
    """Answers with 20 MB of text, its length told beforehand."""
    await turn.wire.body(_large(turn))


@behaviour(*ANYWHERE, reach=Reach.HTTP)
async def twenty_megabytes_chunked(turn: Turn) -> None:
    """Answers with 20 MB of text, its length not told."""
    body = _large(turn)
    await over_http(turn).open_chunks(JSON)
    for start in range(0, len(body), PIECE):
        await over_http(turn).chunk(body[start : start + PIECE])
    await over_http(turn).end_chunks()


@behaviour(*ANYWHERE, reach=Reach.HTTP)
async def twenty_megabytes_event(turn: Turn) -> None:
    """Answers with one event of 20 MB."""
    await over_http(turn).event(_large(turn))
    await over_http(turn).end_chunks()


@behaviour(*ANYWHERE, reach=Reach.HTTP)
async def twenty_megabytes_of_lines(turn: Turn) -> None:
    """Answers with one event of 20 MB in lines of a kilobyte."""
    await over_http(turn).open_chunks("text/event-stream")
    for _ in range(LARGE // PIECE):
        await over_http(turn).chunk((b"data: " + b" " * 1017 + b"\n") * 64)
    await over_http(turn).chunk(b"data: " + encode(await turn.honest()) + b"\n\n")
    await over_http(turn).end_chunks()


@behaviour(Stage.CALL)
async def many_blocks(turn: Turn) -> None:
    """Answers with fifty thousand blocks of content."""
    result = text_result("") | {"content": [{"type": "text", "text": "x"}] * BLOCKS}
    await turn.wire.finish(turn.answer(result))


@behaviour(Stage.CALL)
async def huge_error(turn: Turn) -> None:
    """Fails with an error text of 20 MB."""
    answer = {"jsonrpc": "2.0", "id": turn.message["id"], "error": {"code": -32000, "message": "x" * LARGE}}
    await turn.wire.finish(answer)


def _large(turn: Turn) -> bytes:
    return encode(turn.answer(text_result("x" * LARGE)))
