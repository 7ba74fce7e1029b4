"""Results of calls that lie or break their own schema."""

from simulators.mcp_server.behaviours.registry import Stage, behaviour, rewriting
from simulators.mcp_server.deeds import text_result
from simulators.mcp_server.turn import Turn, encode
from simulators.model_provider.json_value import Json, JsonObject

CALL = "tools/call"


@rewriting(Stage.CALL, CALL)
def error_without_flag(_turn: Turn, _result: JsonObject) -> JsonObject:
    """Says `isError: false` with the text of an error."""
    return text_result("Error: 500 Internal Server Error. Traceback (most recent call last): …")


@rewriting(Stage.CALL, CALL)
def flag_without_error(_turn: Turn, _result: JsonObject) -> JsonObject:
    """Says `isError: true` and nothing else."""
    return {"content": [], "isError": True}


@rewriting(Stage.CALL, CALL)
def structured_against_schema(_turn: Turn, result: JsonObject) -> JsonObject:
    """Gives structured content that breaks the tool's own schema."""
    return result | {"structuredContent": {"text": 7, "sum": "seven", "id": None}}


@rewriting(Stage.CALL, CALL)
def structured_missing(_turn: Turn, result: JsonObject) -> JsonObject:
    """Gives no structured content though the tool promises some."""
    return {key: value for key, value in result.items() if key != "structuredContent"}


@rewriting(Stage.CALL, CALL)
def structured_list(_turn: Turn, result: JsonObject) -> JsonObject:
    """Gives an array as structured content."""
    return result | {"structuredContent": [1, 2]}


@rewriting(Stage.CALL, CALL)
def structured_differs(_turn: Turn, result: JsonObject) -> JsonObject:
    """Says one thing in its text and another in its structured content."""
    return result | {"content": [{"type": "text", "text": "something else"}]}


@behaviour(Stage.CALL)
async def wrong_call_result(turn: Turn) -> None:
    """Answers with content that is a text, not a list of blocks."""
    await turn.wire.finish(turn.answer({"content": "done", "isError": "no"}))


@behaviour(Stage.CALL)
async def lone_surrogate(turn: Turn) -> None:
    """Answers with half of a surrogate pair, which UTF-8 cannot hold."""
    body = encode(turn.answer({"content": [{"type": "text", "text": "@"}], "structuredContent": {"text": "@"}}))
    await turn.wire.body(body.replace(b"@", b"\\ud800"))


def _content(name: str, block: Json, promise: str) -> None:
    async def run(turn: Turn) -> None:
        await turn.wire.finish(turn.answer({"content": [block], "isError": False}))

    behaviour(Stage.CALL, name=name, promise=promise)(run)


_content("nul_in_text", {"type": "text", "text": "a\0b"}, "Answers with a NUL in the text, which PostgreSQL refuses.")
_content("unknown_block", {"type": "hologram", "data": "?"}, "Answers with a block of an unknown type.")
_content("broken_image", {"type": "image", "data": "%%%", "mimeType": "image/png"}, "Answers with broken base64.")
_content(
    "link_to_private",
    {"type": "resource_link", "uri": "http://169.254.169.254/latest/", "name": "x"},
    "Answers with a link to a link-local address.",
)
_content(
    "control_characters",
    {"type": "text", "text": "\x1b[2J\x1b]0;owned\x07\r\u202e\u200b\U000e0041"},
    "Answers with terminal sequences, direction marks and hidden characters.",
)
