"""The behaviours that break bytes, HTTP, JSON or JSON-RPC, as they look over a socket."""

import json

import pytest

from simulators.mcp_server.behaviours import BEHAVIOURS, Reach
from simulators.mcp_server.behaviours.bodies import BOMB_BYTES, DEPTH, DIGITS
from simulators.mcp_server.behaviours.sizes import LARGE
from simulators.mcp_server.http_server import McpHttpServer
from tests.simulators.mcp_server.checks import Check, answers, ends, fails, no_json, sends, silent, status
from tests.simulators.mcp_server.raw import ENOUGH, Seen, ask, request


def _unpacks(seen: Seen, tail: bytes) -> bool:
    unpacked = seen.unpacked
    return len(unpacked) > BOMB_BYTES and tail in unpacked[BOMB_BYTES:]


SILENCE: dict[str, Check] = {
    "never_answers": silent,
    "answers_late": silent,
    "half_head_then_silence": ends("open", after=b"HTTP/1.1 200 OK\r\nContent-Type: appl"),
    "head_then_silence": lambda seen: seen.headers["content-length"] == "100" and seen.body == b"",
    "stream_then_silence": lambda seen: seen.headers["content-type"] == "text/event-stream" and seen.end == "open",
    "accepts_only": status(202, content_length="0"),
}
FRAMING: dict[str, Check] = {
    "crashes": ends("reset", after=b""),
    "closes_at_once": ends("closed", after=b""),
    "half_answer_then_close": lambda seen: (
        seen.end == "closed" and len(seen.body) == int(seen.headers["content-length"]) // 2
    ),
    "half_answer_then_reset": lambda seen: seen.end == "reset",
    "not_http": lambda seen: seen.data.startswith(b"220 mail") and seen.end == "closed",
    "endless_informational": lambda seen: seen.data.count(b"HTTP/1.1 103") > 1000 and b" 200 " not in seen.data,
    "endless_headers": lambda seen: seen.data.count(b"x-more: ") > 1000 and b"\r\n\r\n" not in seen.data,
    "endless_body": lambda seen: len(seen.data) > 2_000_000 and not seen.body.strip(),
    "broken_chunks": sends(b"\r\n\r\nzz\r\n"),
    "huge_length": status(200, content_length="1000000000000000"),
    "drips": lambda seen: seen.body == b"{" and seen.end == "open",
}
BODIES: dict[str, Check] = {
    "invalid_json": no_json,
    "half_json": lambda seen: no_json(seen) and seen.body.startswith(b'{"jsonrpc"'),
    "empty_body": lambda seen: seen.status == 200 and seen.body == b"",
    "html_page": lambda seen: seen.headers["content-type"] == "text/html" and no_json(seen),
    "html_called_json": lambda seen: seen.headers["content-type"] == "application/json" and no_json(seen),
    "wrong_content_type": lambda seen: (
        seen.headers["content-type"] == "text/plain" and "result" in json.loads(seen.body)
    ),
    "nan": sends(b'"sum":NaN,"text":Infinity'),
    "deep_nesting": sends(b"[" * DEPTH + b"]" * DEPTH),
    "huge_number": sends(b"9" * DIGITS),
    "invalid_utf8": sends(b"\xff\xfe\x80"),
    "byte_order_mark": lambda seen: seen.body.startswith(b"\xef\xbb\xbf{"),
    "utf16": lambda seen: "result" in json.loads(seen.body.decode("utf-16")),
    "gzip_bomb": lambda seen: len(seen.body) < BOMB_BYTES // 900 and _unpacks(seen, b'{"jsonrpc"'),
    "gzip_bomb_error": lambda seen: seen.status == 400 and _unpacks(seen, b'"error"'),
    "gzip_bomb_stream": lambda seen: seen.headers["content-type"] == "text/event-stream" and _unpacks(seen, b"data: {"),
    "gzip_garbage": lambda seen: seen.headers["content-encoding"] == "gzip" and seen.body.startswith(b"{"),
}
SIZES: dict[str, Check] = {
    "twenty_megabytes": lambda seen: len(seen.body) > LARGE and "transfer-encoding" not in seen.headers,
    "twenty_megabytes_chunked": lambda seen: len(seen.data) > LARGE and "content-length" not in seen.headers,
    "twenty_megabytes_event": lambda seen: len(seen.body) > LARGE and seen.answer["id"] == 7,
    "twenty_megabytes_of_lines": lambda seen: len(seen.data) > LARGE and b'data: {"jsonrpc"' in seen.data,
    "many_blocks": lambda seen: len(seen.result["content"]) == 50_000,
    "huge_error": lambda seen: len(seen.answer["error"]["message"]) == LARGE,
}
JSON_RPC: dict[str, Check] = {
    "wrong_id": answers(id=999_999),
    "text_id": answers(id="7"),
    "null_id": answers(id=None),
    "answers_twice": lambda seen: len(seen.messages) == 2 and seen.messages[0] == seen.messages[1],
    "result_and_error": lambda seen: {"result", "error"} <= seen.answer.keys(),
    "neither_result_nor_error": lambda seen: seen.answer == {"jsonrpc": "2.0", "id": 7},
    "batch": lambda seen: isinstance(json.loads(seen.body), list),
    "wrong_json_rpc": answers(jsonrpc="1.0"),
    "mirrors": answers(method="tools/call"),
    "odd_error": lambda seen: seen.answer["error"]["code"] == "E1",
    "null_result": answers(result=None),
    "text_result": answers(result="done"),
    "list_result": answers(result=[]),
    "empty_result": answers(result={}),
    "error_invalid_params": fails(-32602),
    "error_method_not_found": fails(-32601),
    "error_internal": fails(-32603),
    "error_own_code": fails(42),
}
PLAIN_STATUSES = (400, 403, 404, 405, 410, 500, 502, 503, 599)
STATUSES: dict[str, Check] = {
    **{f"http_{code}": status(code, content_length="0") for code in PLAIN_STATUSES},
    "http_401": status(401, www_authenticate="Bearer"),
    "http_401_metadata_elsewhere": lambda seen: "169.254.169.254" in seen.headers["www-authenticate"],
    "http_429": status(429, retry_after="2"),
    "http_429_for_a_century": lambda seen: seen.status == 429 and int(seen.headers["retry-after"]) > 10**9,
}
REDIRECTS: dict[str, Check] = {
    "redirect_to_other_origin": lambda seen: seen.headers["location"].startswith("http://localhost:"),
    "redirect_in_circles": lambda seen: seen.status == 307 and seen.headers["location"].endswith("/call/mcp"),
    "redirect_see_other": lambda seen: seen.status == 303 and seen.headers["location"].endswith("/elsewhere"),
    "redirect_to_link_local": status(307, location="http://169.254.169.254/latest/meta-data/"),
    "redirect_to_private": status(307, location="http://10.0.0.1/mcp"),
    "redirect_to_file": status(307, location="file:///etc/passwd"),
    "redirect_nowhere": status(307, location="http://[::"),
}
EVENTS: dict[str, Check] = {
    "endless_comments": lambda seen: seen.body.count(b": still here\n\n") > 10,
    "endless_events": lambda seen: seen.body.count(b"notifications/message") > 10,
    "stream_without_answer": lambda seen: seen.data.endswith(b"0\r\n\r\n") and b"data" not in seen.body,
    "resumes_for_ever": lambda seen: b"id: 1\nretry: 1\n" in seen.body and seen.data.endswith(b"0\r\n\r\n"),
    "resume_in_a_century": lambda seen: b"retry: 3153600000000\n" in seen.body and seen.data.endswith(b"0\r\n\r\n"),
    "invalid_event": sends(b"data: {nonsense"),
    "unknown_event": lambda seen: b"event: surprise" in seen.body and "result" in seen.answer,
    "stream_reset": ends("reset"),
}
TABLES = (SILENCE, FRAMING, BODIES, SIZES, JSON_RPC, STATUSES, REDIRECTS, EVENTS)
ROWS = {name: check for table in TABLES for name, check in table.items()}
STILL = frozenset({*SILENCE, "huge_length", "drips", "invalid_event"})
ENDLESS = {
    "endless_informational": 100_000,
    "endless_headers": 2_000_000,
    "endless_body": 3_000_000,
    "endless_comments": 1_000,
    "endless_events": 2_000,
}
"""After how many bytes one has seen enough."""


def _patience(name: str) -> float:
    return 0.2 if name in STILL else 10.0


@pytest.mark.parametrize("name", ROWS)
async def test_a_call_is_answered_as_the_name_says(mcp_server: McpHttpServer, name: str) -> None:
    url = f"{mcp_server.address}/as/{name}/call/mcp"
    seen = await ask(url, request("call"), patience_s=_patience(name), enough=ENDLESS.get(name, ENOUGH))
    assert ROWS[name](seen), seen.data[:300]


@pytest.mark.parametrize("kind", ["list", "connect"])
async def test_each_shows_at_the_stage_that_is_named_and_at_no_other(mcp_server: McpHttpServer, kind: str) -> None:
    several = [one.name for one in BEHAVIOURS.values() if len(one.stages) > 1 and one.reach is not Reach.STDIO]
    assert set(several) <= set(ROWS)
    for name in several:
        url = f"{mcp_server.address}/as/{name}@{kind}/stage/mcp"
        assert (await ask(url, request("call"))).result["structuredContent"] == {"text": "hello"}
        if name not in ENDLESS and "megabytes" not in name:
            asked = await ask(url, request(kind), patience_s=_patience(name))
            assert not _is_honest(asked, kind), name


def _is_honest(seen: Seen, kind: str) -> bool:
    try:
        answer = json.loads(seen.body)
        honest = answer["id"] == 7 and answer["jsonrpc"] == "2.0" and "error" not in answer
        return bool(honest and answer["result"]["tools" if kind == "list" else "serverInfo"]) and _is_json(seen)
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        return False


def _is_json(seen: Seen) -> bool:
    plain = "content-encoding" not in seen.headers and seen.body.startswith(b"{")
    return plain and seen.headers.get("content-type") == "application/json"
