import base64
from pathlib import Path
from typing import Any

import mcp_types as types
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import ToolAnswerInvalid, ToolAnswerTooLarge, ToolArgumentsInvalid, ToolRefused
from domain.tool_server import BearerToken, ClientCredentials, Http, Stdio, ToolServer
from services.tools.client.answers import Answer, Reader, told
from services.tools.client.commands import Commands
from services.tools.client.lines import Lines, Overlong, answered_id
from services.tools.client.masking import Mask, for_answers, for_errors
from services.tools.client.replies import repaired, seconds
from services.tools.client.uri_templates import expand, is_uri, matches, variables


def tool_answer(result: dict[str, Any], schema: dict[str, Any] | None = None, limit: int = 1000) -> Answer:
    return Reader(limit, Mask(())).tool(types.CallToolResult.model_validate(result), schema)


def test_every_kind_of_block_has_its_text() -> None:
    data = base64.b64encode(b"x" * 1234).decode()
    blocks: list[dict[str, Any]] = [
        {"type": "text", "text": "one"},
        {"type": "image", "data": data, "mimeType": "image/png"},
        {"type": "audio", "data": data, "mimeType": "audio/wav"},
        {"type": "resource", "resource": {"uri": "a://b", "text": "two"}},
        {"type": "resource", "resource": {"uri": "a://b", "blob": data}},
        {"type": "resource_link", "uri": "a://c", "name": "see"},
    ]
    assert tool_answer({"content": blocks}).text.split("\n\n") == [
        "one",
        "[image image/png, 1,234 bytes]",
        "[audio audio/wav, 1,234 bytes]",
        "two",
        "[resource a://b of unknown type, 1,234 bytes]",
        "[resource a://c (see)]",
    ]


@pytest.mark.parametrize(
    ("structured", "wrap", "text", "inner"),
    [
        ({"a": [1, "é"]}, False, '{"a":[1,"é"]}', {"a": [1, "é"]}),
        ({"result": "hi"}, True, "hi", "hi"),
        ({"result": [1]}, True, "[1]", [1]),
        ({"result": "hi"}, False, '{"result":"hi"}', {"result": "hi"}),
        ({"result": 1, "more": 2}, True, '{"result":1,"more":2}', {"result": 1, "more": 2}),
        ([1], False, "[1]", [1]),
    ],
)
def test_structure_becomes_compact_json_out_of_its_wrapping(structured: Any, wrap: bool, text: str, inner: Any) -> None:
    schema = {"x-fastmcp-wrap-result": True} if wrap else None
    answer = tool_answer({"content": [], "structuredContent": structured}, schema)
    assert (answer.text, answer.structured) == (text, inner)


def test_structure_is_cleaned_as_well() -> None:
    answer = tool_answer({"content": [], "structuredContent": {"a\u200b": ["b\0", {"c": "\u202ed"}]}})
    assert answer.structured == {"a": ["b", {"c": "d"}]}
    assert answer.marks == ("hidden_characters_removed",)


def test_what_is_no_json_is_invalid() -> None:
    with pytest.raises(ToolAnswerInvalid):
        tool_answer({"content": [], "structuredContent": {"a": float("nan")}})


def test_the_limit_counts_bytes() -> None:
    assert len(tool_answer({"content": [{"type": "text", "text": "é" * 500}]}).text) == 500
    with pytest.raises(ToolAnswerTooLarge):
        tool_answer({"content": [{"type": "text", "text": "é" * 501}]})


def test_progress_is_bounded_and_clean() -> None:
    assert told(1, None, "a\u200b" * 10_000).message == "a" * 500


def test_every_configured_value_is_masked_in_errors_and_telling_ones_in_answers() -> None:
    server = ToolServer(
        id="a",
        reach=Http(
            url="https://user:pass%20word@a.test/mcp?key=query-value",
            headers={"X-Api-Key": "header-value", "Accept": "application/json", "Authorization": "Token abcdefgh"},
            auth=BearerToken(token="bearer-value"),
        ),
    )
    text = "user pass word query-value header-value application/json abcdefgh bearer-value"
    assert for_errors(server)(text) == "*** *** *** *** *** *** ***"
    assert for_answers(server)(text) == "user *** *** *** application/json *** ***"
    oauth = server.model_copy(
        update={"reach": Http(url="https://a.test", auth=ClientCredentials(client_id="i", client_secret="my-secret"))}
    )
    assert for_errors(oauth)("my-secret") == "***"
    child = server.model_copy(update={"reach": Stdio(command="x", env={"A_TOKEN": "long-token", "MODE": "production"})})
    assert for_answers(child)("long-token in production") == "*** in production"
    assert Mask(())("nothing") == "nothing"


@given(st.lists(st.binary(max_size=30)), st.integers(1, 40))
def test_lines_are_what_split_would_say_up_to_the_limit(chunks: list[bytes], limit: int) -> None:
    lines = Lines(limit)
    found = [line for chunk in chunks for line in lines.feed(chunk)]
    expected = b"".join(chunks).split(b"\n")
    whole = [line for line in expected[:-1] if len(line) <= limit]
    assert [line for line in found if isinstance(line, bytes)] == whole
    assert sum(isinstance(line, Overlong) for line in found) == sum(len(line) > limit for line in expected)
    assert lines.skipping is (len(expected[-1]) > limit)


@pytest.mark.parametrize(
    ("line", "request_id"),
    [
        (b'{"jsonrpc":"2.0","id":12,"result":', 12),
        (b'{"id" : "abc", ', "abc"),
        (b'{"jsonrpc":"2.0","result":{', None),
        (b'{"id":null', None),
        (b" " * 600 + b'"id":1', None),
    ],
)
def test_a_broken_line_tells_whom_it_answers(line: bytes, request_id: int | str | None) -> None:
    assert answered_id(line) == request_id


@pytest.mark.parametrize(
    ("body", "sound"),
    [
        (b'{"a":"\\ud83d\\ude00"}', '{"a": "\U0001f600"}'),
        (b'{"a":"\\ud83d"}', '{"a": "\ufffd"}'),
        (b'{"a":"\\uD83D ', '{"a":"\\uD83D '),
        (b'["\\ud83d"]', '["\\ud83d"]'),
        (b"{}", "{}"),
    ],
)
def test_halves_of_surrogate_pairs_are_replaced(body: bytes, sound: str) -> None:
    assert repaired(body).decode() == sound


@pytest.mark.parametrize(
    ("header", "value"),
    [("5", 5), ("0.5", 0.5), ("1e9", 300), ("-1", None), ("nan", None), ("soon", None), (None, None), ("inf", None)],
)
def test_retry_after_is_bounded(header: str | None, value: float | None) -> None:
    assert seconds(header) == value


@pytest.mark.parametrize(
    ("template", "names"),
    [
        ("a://{x}/{y}", ("x", "y")),
        ("a://x", None),
        ("{x}", None),
        ("a://{+x}", None),
        ("a://{x*}", None),
        ("a://{x,y}", None),
        ("a://{x}{", None),
        ("a://{x}/{x}", None),
        ("a://é/{x}", None),
    ],
)
def test_only_templates_of_level_one_are_taken(template: str, names: tuple[str, ...] | None) -> None:
    assert variables(template) == names
    if names is None:
        with pytest.raises(ToolRefused):
            expand(template, {"x": "1"})


@given(st.text(max_size=50))
def test_a_value_cannot_leave_its_place(value: str) -> None:
    value = value.encode(errors="replace").decode()
    uri = expand("notes://{day}/end", {"day": value})
    assert is_uri(uri)
    assert matches("notes://{day}/end", uri)
    assert uri.count("/") == 3


def test_values_that_do_not_fit_a_template_are_told() -> None:
    with pytest.raises(ToolArgumentsInvalid) as caught:
        expand("a://{x}/{y}", {"x": 1, "z": 2})
    assert [problem.path for problem in caught.value.problems] == ["/y", "/z"]
    assert expand("a://{x}/{y}", {"x": 1, "y": True}) == "a://1/true"
    with pytest.raises(ToolRefused):
        expand("a://{x}", {"x": "x" * 2000})


def test_commands_are_bare_names_in_the_given_folders(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    for folder, name, mode in (("two", "tool", 0o755), ("one", "tool", 0o644), ("two", "other", 0o755)):
        (tmp_path / folder / name).write_text("")
        (tmp_path / folder / name).chmod(mode)
    commands = Commands({"tool", "absent"}, [tmp_path / "one", tmp_path / "two"], state_dir=tmp_path / "home")
    assert commands.resolve("tool") == str(tmp_path / "two" / "tool")
    commands.check("absent")
    for command in ("absent", "other", "./tool", str(tmp_path / "two" / "tool"), "tool ", ""):
        with pytest.raises(ToolRefused):
            commands.resolve(command)
    environment = commands.environment({"A": "b"})
    assert environment["HOME"] == environment["TMPDIR"] == str(tmp_path / "home")
    assert (tmp_path / "home").stat().st_mode & 0o777 == 0o700
    assert environment["PATH"] == f"{tmp_path / 'one'}:{tmp_path / 'two'}"
    assert environment["A"] == "b"
