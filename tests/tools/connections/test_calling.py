import asyncio

import pytest

from domain.errors import ToolFailed, ToolMissing, ToolUnavailable
from domain.tool_server import Limits, ToolServer
from domain.tools import ActionType
from services.tools.client.answers import Progress
from services.tools.client.connections import Connections
from tests.tools.connections.serving import call, http_server


async def test_a_tool_answers_with_structure(either: Connections, server: ToolServer) -> None:
    answer = await call(either, server, "add", {"a": 1, "b": 2})
    assert answer.structured == {"result": 3}
    assert answer.text == '{"result":3}'
    assert answer.marks == ()


async def test_a_tool_answers_with_text_without_what_nobody_sees(either: Connections, server: ToolServer) -> None:
    answer = await call(either, server, "echo", {"text": "hi\u200b\u202ethere"})
    assert (answer.text, answer.structured) == ("hithere", None)
    assert answer.marks == ("hidden_characters_removed",)


async def test_a_resource_a_template_and_a_prompt_answer(either: Connections, server: ToolServer) -> None:
    resource = await call(either, server, "notes://today", type=ActionType.RESOURCE)
    assert resource.text == "swim"
    template = await call(either, server, "notes://day/{day}", {"day": "1 May/2"}, type=ActionType.RESOURCE)
    assert template.text == "on 1 May/2: rest"
    prompt = await call(either, server, "summarize", {"text": "T"}, type=ActionType.PROMPT)
    assert prompt.text == "user: Summarize in short form: T"


async def test_progress_is_told(either: Connections, server: ToolServer) -> None:
    seen: list[Progress] = []
    await call(either, server, "steps", {"count": 3}, on_progress=seen.append)
    assert sorted(step.progress for step in seen) == [1, 2, 3]
    assert seen[0] == Progress(progress=seen[0].progress, total=3, message=f"step {seen[0].progress:.0f}")


async def test_fifty_calls_share_one_connection(either: Connections, plain_url: str) -> None:
    server = http_server(plain_url, limits=Limits(max_concurrency=50))
    answers = await asyncio.gather(*(call(either, server, "wait", {"seconds": 0.2, "name": str(n)}) for n in range(50)))
    assert [answer.text for answer in answers] == [f"waited {n}" for n in range(50)]
    assert either.health()[server.id].calls == 50


async def test_a_failure_carries_the_tools_own_text(either: Connections, server: ToolServer) -> None:
    with pytest.raises(ToolFailed, match="no such project") as caught:
        await call(either, server, "fail", {"text": "no such project"})
    assert not caught.value.may_have_happened


async def test_a_success_that_says_error_is_a_failure(either: Connections, server: ToolServer) -> None:
    with pytest.raises(ToolFailed, match="said that it succeeded"):
        await call(either, server, "echo", {"text": "Error: the disk is full"})


async def test_a_bare_network_error_may_have_happened(either: Connections, server: ToolServer) -> None:
    with pytest.raises(ToolUnavailable) as caught:
        await call(either, server, "fail", {"text": "HTTPError"})
    assert caught.value.may_have_happened


async def test_an_unknown_tool_is_missing(either: Connections, server: ToolServer) -> None:
    with pytest.raises(ToolMissing):
        await call(either, server, "nothing")


async def test_a_tool_that_speaks_of_an_unknown_tool_is_not_missing(either: Connections, server: ToolServer) -> None:
    with pytest.raises(ToolFailed):
        await call(either, server, "fail", {"text": "Unknown tool: hammer"})


async def test_an_answer_that_breaks_its_schema_is_kept_and_marked(either: Connections, server: ToolServer) -> None:
    schema = {"type": "object", "properties": {"result": {"type": "string"}}}
    answer = await call(either, server, "add", {"a": 1, "b": 2}, output_schema=schema)
    assert answer.structured == {"result": 3}
    assert answer.marks == ("contract_violation",)


async def test_an_answer_without_the_promised_structure_is_marked(either: Connections, server: ToolServer) -> None:
    answer = await call(either, server, "echo", {"text": "hi"}, output_schema={"type": "object"})
    assert (answer.text, answer.marks) == ("hi", ("contract_violation",))
