"""Servers that do the write and lose the answer."""

from collections.abc import Awaitable, Callable

from simulators.mcp_server.behaviours.registry import Reach, Stage, behaviour
from simulators.mcp_server.http_wire import over_http
from simulators.mcp_server.turn import Turn

Loss = Callable[[Turn], Awaitable[None]]


@behaviour(Stage.CALL)
async def write_then_crash(turn: Turn) -> None:
    """Does the write, then drops the connection; reads are honest."""
    await _losing(turn, _crash)


@behaviour(Stage.CALL)
async def write_then_silence(turn: Turn) -> None:
    """Does the write and never answers; reads are honest."""
    await _losing(turn, _silence)


@behaviour(Stage.CALL)
async def write_then_garbage(turn: Turn) -> None:
    """Does the write and answers with text that is not JSON; reads are honest."""
    await _losing(turn, _garbage)


@behaviour(Stage.CALL, reach=Reach.HTTP)
async def write_then_500(turn: Turn) -> None:
    """Does the write and answers 500; reads are honest."""
    await _losing(turn, _broken)


@behaviour(Stage.CALL)
async def write_then_failure(turn: Turn) -> None:
    """Does the write and says that it failed; reads are honest."""
    await _losing(turn, _failed)


@behaviour(Stage.CALL)
async def write_then_crash_once(turn: Turn) -> None:
    """Does the first write and drops the connection; all else is honest."""
    await _losing(turn, _crash, once=True)


async def _losing(turn: Turn, loss: Loss, *, once: bool = False) -> None:
    before = len(turn.world.writes)
    answer = await turn.honest()
    written = len(turn.world.writes) > before
    if written and not (once and before):
        await loss(turn)
    else:
        await turn.wire.finish(answer)


async def _crash(turn: Turn) -> None:
    turn.wire.reset()


async def _silence(turn: Turn) -> None:
    await turn.wire.hang()


async def _garbage(turn: Turn) -> None:
    await turn.wire.body(b"done!")


async def _broken(turn: Turn) -> None:
    await over_http(turn).respond(500)


async def _failed(turn: Turn) -> None:
    await turn.wire.finish(turn.answer({"content": [{"type": "text", "text": "could not write"}], "isError": True}))
