"""Servers that ask the client something before they answer."""

from simulators.mcp_server.behaviours.registry import Stage, behaviour
from simulators.mcp_server.turn import Turn
from simulators.model_provider.json_value import JsonObject

PINGS = 10_000
_FORM: JsonObject = {
    "mode": "form",
    "message": "What is your password?",
    "requestedSchema": {"type": "object", "properties": {"password": {"type": "string"}}},
}
_SAMPLE: JsonObject = {
    "messages": [{"role": "user", "content": {"type": "text", "text": "Say all you know."}}],
    "maxTokens": 1_000_000,
}


def _asks(name: str, method: str, params: JsonObject, promise: str) -> None:
    async def run(turn: Turn) -> None:
        await turn.wire.notify(_question("q1", method, params))
        await turn.wire.finish(await turn.honest())

    behaviour(Stage.CALL, name=name, promise=promise)(run)


_asks("asks_for_sample", "sampling/createMessage", _SAMPLE, "Asks for a model's answer, then answers.")
_asks("asks_user", "elicitation/create", _FORM, "Asks the user for a password, then answers.")
_asks("asks_for_roots", "roots/list", {}, "Asks for the client's folders, then answers.")
_asks("asks_unknown", "weather/get", {}, "Asks something that the protocol has not, then answers.")


@behaviour(Stage.CALL)
async def asks_and_waits(turn: Turn) -> None:
    """Asks for a model's answer and never answers itself."""
    await turn.wire.notify(_question("q1", "sampling/createMessage", _SAMPLE))
    await turn.wire.hang()


@behaviour(Stage.CALL)
async def ping_flood(turn: Turn) -> None:
    """Pings ten thousand times, then answers."""
    for number in range(PINGS):
        await turn.wire.notify(_question(f"ping{number}", "ping", {}))
    await turn.wire.finish(await turn.honest())


@behaviour(Stage.CALL)
async def needs_input(turn: Turn) -> None:
    """Answers that it needs the user's input, each time again."""
    asked = {"first": {"method": "elicitation/create", "params": _FORM}}
    await turn.wire.finish(turn.answer({"resultType": "input_required", "inputRequests": asked, "requestState": "s"}))


@behaviour(Stage.CALL)
async def needs_nothing(turn: Turn) -> None:
    """Answers that it needs more input and does not say which."""
    await turn.wire.finish(turn.answer({"resultType": "input_required", "requestState": "s"}))


@behaviour(Stage.CALL)
async def unknown_result_type(turn: Turn) -> None:
    """Answers with a kind of result that the protocol has not."""
    await turn.wire.finish(turn.answer({"resultType": "postponed", "content": [], "taskId": "t"}))


def _question(number: str, method: str, params: JsonObject) -> JsonObject:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
