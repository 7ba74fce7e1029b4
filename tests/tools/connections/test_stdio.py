import asyncio

import psutil
import pytest

from domain.errors import ToolAnswerInvalid, ToolAnswerTooLarge, ToolError, ToolRefused, ToolUnavailable
from domain.tool_server import Limits
from services.tools.client.connections import Connections
from tests.tools.connections.serving import call, stdio_server

MEGABYTE = 1024 * 1024
SMALL = Limits(max_result_bytes=100_000)


async def error_of(connections: Connections, how: str) -> ToolError:
    server = stdio_server("rude.py", how, limits=SMALL)
    with pytest.raises(ToolError) as caught:
        await call(connections, server, "act")
    return caught.value


async def test_what_is_printed_beside_the_protocol_is_ignored(connections: Connections) -> None:
    assert (await call(connections, stdio_server("rude.py", "noise"), "act")).text == "fine"


async def test_half_a_surrogate_pair_becomes_a_replacement(connections: Connections) -> None:
    assert (await call(connections, stdio_server("rude.py", "surrogate"), "act")).text == "half \ufffd pair"


@pytest.mark.parametrize("how", ["broken", "nameless"])
async def test_a_broken_message_is_invalid_at_once(connections: Connections, how: str) -> None:
    error = await error_of(connections, how)
    assert isinstance(error, ToolAnswerInvalid)
    assert error.may_have_happened


@pytest.mark.parametrize("how", ["endless", "unending"])
async def test_a_line_without_end_is_too_large_and_never_held(connections: Connections, how: str) -> None:
    before = psutil.Process().memory_info().rss
    error = await error_of(connections, how)
    assert isinstance(error, ToolAnswerTooLarge)
    assert error.may_have_happened
    assert psutil.Process().memory_info().rss - before < 20 * MEGABYTE


async def test_other_calls_survive_one_answer_that_is_too_large(connections: Connections) -> None:
    server = stdio_server("plain.py", limits=SMALL)
    beside = asyncio.create_task(call(connections, server, "wait", {"seconds": 0.5}))
    with pytest.raises(ToolAnswerTooLarge):
        await call(connections, server, "say", {"size": 3 * MEGABYTE})
    assert (await beside).text == "waited "


@pytest.mark.parametrize("how", ["closed", "loud"])
async def test_a_server_that_goes_away_is_unavailable(connections: Connections, how: str) -> None:
    error = await error_of(connections, how)
    assert isinstance(error, ToolUnavailable)
    assert error.may_have_happened
    assert len(str(error)) < 5000
    assert how != "loud" or str(error).endswith("the end")


async def test_a_process_gets_a_small_environment_of_its_own(
    connections: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUR_SECRET", "never to be seen")
    server = stdio_server("plain.py", env={"JIRA_URL": "http://jira.test", "JIRA_TOKEN": "s3cr3t-value"})
    answer = await call(connections, server, "environment")
    names = [line.partition("=")[0] for line in answer.text.splitlines()]
    assert set(names) - {"LC_CTYPE"} == {
        *("HOME", "JIRA_TOKEN", "JIRA_URL", "LANG", "PATH", "PYTHONHASHSEED", "TMPDIR")
    }
    assert "JIRA_TOKEN=***" in answer.text
    assert answer.marks == ("credential_masked",)


@pytest.mark.parametrize("command", ["bash", "python -c", "./python", "../bin/python", "/bin/sh", "Python", "python\n"])
async def test_a_command_that_is_not_listed_is_refused(connections: Connections, command: str) -> None:
    server = stdio_server("plain.py")
    server = server.model_copy(update={"reach": server.reach.model_copy(update={"command": command})})
    with pytest.raises(ToolRefused) as caught:
        await call(connections, server, "add")
    assert not caught.value.may_have_happened


@pytest.mark.parametrize("name", ["LD_PRELOAD", "PATH", "PYTHONPATH", "NODE_OPTIONS", "BASH_ENV", "ld_library_path"])
async def test_an_environment_that_loads_foreign_code_is_refused(connections: Connections, name: str) -> None:
    with pytest.raises(ToolRefused, match="environment"):
        await call(connections, stdio_server("plain.py", env={name: "x"}), "add")
