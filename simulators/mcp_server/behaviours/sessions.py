"""Handshakes and sessions that do not hold."""

from simulators.mcp_server.behaviours.registry import Reach, Stage, behaviour, rewriting
from simulators.mcp_server.http_wire import over_http
from simulators.mcp_server.turn import Turn
from simulators.model_provider.json_value import JsonObject

HANDSHAKES = ("initialize", "server/discover")
UNSUPPORTED = -32022


@rewriting(Stage.CONNECT, *HANDSHAKES)
def unknown_version(_turn: Turn, result: JsonObject) -> JsonObject:
    """Agrees on a version of the protocol that nobody speaks."""
    key = "protocolVersion" if "protocolVersion" in result else "supportedVersions"
    return result | {key: "1999-01-01" if key == "protocolVersion" else ["1999-01-01"]}


@behaviour(Stage.CONNECT)
async def future_only(turn: Turn) -> None:
    """Speaks only a version of the future."""
    data = {"supported": ["2099-01-01"], "requested": "2026-07-28"}
    error = {"code": UNSUPPORTED, "message": "Unsupported protocol version", "data": data}
    await turn.wire.finish({"jsonrpc": "2.0", "id": turn.message["id"], "error": error})


@rewriting(Stage.CONNECT, *HANDSHAKES)
def odd_capabilities(_turn: Turn, result: JsonObject) -> JsonObject:
    """Gives its capabilities as a text."""
    return result | {"capabilities": "all of them"}


@rewriting(Stage.CONNECT, *HANDSHAKES)
def no_capabilities(_turn: Turn, result: JsonObject) -> JsonObject:
    """Says that it can do nothing, and can."""
    return result | {"capabilities": {}}


@behaviour(Stage.CONNECT)
async def handshake_of_nothing(turn: Turn) -> None:
    """Answers the handshake with an empty object."""
    await turn.wire.finish(turn.answer({}))


@behaviour(Stage.CONNECT, reach=Reach.HTTP)
async def long_session_id(turn: Turn) -> None:
    """Hands out a session id of 60 kB."""
    over_http(turn).headers["mcp-session-id"] = "s" * 60_000
    await turn.wire.finish(await turn.honest())


@behaviour(Stage.CONNECT, reach=Reach.HTTP)
async def odd_session_id(turn: Turn) -> None:
    """Hands out a session id with letters that a header must not have."""
    over_http(turn).headers["mcp-session-id"] = "s\xe9ssion \x7f"
    await turn.wire.finish(await turn.honest())


@behaviour(Stage.CALL, reach=Reach.HTTP)
async def forgets_session(turn: Turn) -> None:
    """Forgets all sessions at the first call and answers 404; those that begin afterwards hold."""
    if turn.world.forgotten:
        await turn.wire.finish(await turn.honest())
        return
    turn.world.forgotten = True
    turn.world.sessions.clear()
    await over_http(turn).respond(404)
