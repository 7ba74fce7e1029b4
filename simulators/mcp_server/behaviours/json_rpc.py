"""Answers that are JSON but break JSON-RPC."""

from simulators.mcp_server.behaviours.registry import ANYWHERE, behaviour
from simulators.mcp_server.turn import Turn, encode
from simulators.model_provider.json_value import Json


@behaviour(*ANYWHERE)
async def wrong_id(turn: Turn) -> None:
    """Answers with an id that nobody asked with."""
    await turn.wire.finish(await turn.honest() | {"id": 999_999})


@behaviour(*ANYWHERE)
async def text_id(turn: Turn) -> None:
    """Answers with the id as text."""
    await turn.wire.finish(await turn.honest() | {"id": str(turn.message["id"])})


@behaviour(*ANYWHERE)
async def null_id(turn: Turn) -> None:
    """Answers with null for the id."""
    await turn.wire.finish(await turn.honest() | {"id": None})


@behaviour(*ANYWHERE)
async def answers_twice(turn: Turn) -> None:
    """Sends the answer twice in one stream."""
    answer = await turn.honest()
    await turn.wire.notify(answer)
    await turn.wire.finish(answer)


@behaviour(*ANYWHERE)
async def result_and_error(turn: Turn) -> None:
    """Answers with a result and an error at once."""
    await turn.wire.finish(await turn.honest() | {"error": {"code": -32000, "message": "both"}})


@behaviour(*ANYWHERE)
async def neither_result_nor_error(turn: Turn) -> None:
    """Answers with an id and nothing else."""
    await turn.wire.finish({"jsonrpc": "2.0", "id": turn.message["id"]})


@behaviour(*ANYWHERE)
async def batch(turn: Turn) -> None:
    """Answers with an array of answers."""
    await turn.wire.body(encode([await turn.honest()]))


@behaviour(*ANYWHERE)
async def wrong_json_rpc(turn: Turn) -> None:
    """Says that it speaks JSON-RPC 1.0."""
    await turn.wire.finish(await turn.honest() | {"jsonrpc": "1.0"})


@behaviour(*ANYWHERE)
async def mirrors(turn: Turn) -> None:
    """Sends the request back."""
    await turn.wire.finish(turn.message)


@behaviour(*ANYWHERE)
async def odd_error(turn: Turn) -> None:
    """Fails with an error that is no JSON-RPC error object."""
    await turn.wire.finish({"jsonrpc": "2.0", "id": turn.message["id"], "error": {"code": "E1", "message": ["x"]}})


def _result(name: str, result: Json, promise: str) -> None:
    async def run(turn: Turn) -> None:
        await turn.wire.finish(turn.answer(result))

    behaviour(*ANYWHERE, name=name, promise=promise)(run)


def _error(name: str, code: int, text: str) -> None:
    async def run(turn: Turn) -> None:
        error = {"code": code, "message": text}
        await turn.wire.finish({"jsonrpc": "2.0", "id": turn.message["id"], "error": error})

    behaviour(*ANYWHERE, name=name, promise=f"Fails with JSON-RPC error {code}.")(run)


_result("null_result", None, "Answers with null for the result.")
_result("text_result", "done", "Answers with a text for the result.")
_result("list_result", [], "Answers with an array for the result.")
_result("empty_result", {}, "Answers with an empty object for the result.")
_error("error_invalid_params", -32602, "Invalid params: text must be shorter")
_error("error_method_not_found", -32601, "Method not found")
_error("error_internal", -32603, "Internal error")
_error("error_own_code", 42, "The answer")
