"""Where tool servers' commands are looked for, and the entry that runs one against the simulator."""

import os
import tempfile
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

from domain.tool_server import ServerOptions
from runtime.local.atlassian import TOOLS, simulated_servers
from runtime.local.tool_environments import program_folders, search_path
from runtime.settings import PROJECT_ROOT


def test_only_folders_that_exist_are_searched(tmp_path: Path) -> None:
    assert search_path(tmp_path) == ()
    atlassian = tmp_path / ".venv-tools" / "atlassian" / "bin"
    node = tmp_path / ".venv-tools" / "node" / "node_modules" / ".bin"
    for folder in (atlassian, node):
        folder.mkdir(parents=True)
    assert search_path(tmp_path) == (atlassian, node)


def test_the_programs_that_servers_need_are_found_once_a_folder() -> None:
    folders = program_folders()
    assert len(set(folders)) == len(folders)
    assert all(folder.is_dir() for folder in folders)


def test_the_entry_is_a_standard_one_with_options_of_ours() -> None:
    servers = simulated_servers(8123)
    entry = servers["mcpServers"]["atlassian"]
    options = ServerOptions.model_validate(entry["longhaul"])
    assert (entry["command"], options.trusted, options.preset) == ("mcp-atlassian", True, "atlassian")
    assert entry["env"]["CONFLUENCE_URL"] == "http://127.0.0.1:8123/wiki"
    assert entry["env"]["ENABLED_TOOLS"].split(",") == list(TOOLS)


@pytest.mark.parametrize(
    ("command", "arguments", "tool"),
    [
        ("mcp-server-time", ["--local-timezone", "UTC"], "get_current_time"),
        ("mcp-server-fetch", ["--ignore-robots-txt"], "fetch"),
        ("mcp-server-git", [], "git_log"),
        ("mcp-server-everything", ["stdio"], "echo"),
        ("mcp-server-filesystem", ["."], "read_text_file"),
    ],
)
async def test_the_reference_servers_start_from_the_search_path(
    tmp_path: Path, command: str, arguments: list[str], tool: str
) -> None:
    folders = (*search_path(PROJECT_ROOT), *program_folders())
    found = [folder / command for folder in folders if (folder / command).exists()]
    if not found:
        pytest.skip(f"{command} is not installed: make reference-servers (the ones for Node need node and npm)")
    environment = {"PATH": os.pathsep.join(map(str, folders)), "HOME": str(tmp_path)}
    server = StdioServerParameters(command=str(found[0]), args=arguments, env=environment, cwd=tmp_path)
    with tempfile.TemporaryFile("w") as said:
        async with Client(stdio_client(server, errlog=said), read_timeout_seconds=20) as client:
            assert tool in {one.name for one in (await client.list_tools()).tools}
