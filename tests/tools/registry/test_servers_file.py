"""The `mcpServers` file: what desktop clients write is taken, what is wrong is told by JSON pointer."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from domain.errors import InvalidInput
from domain.tool_server import BearerToken, Http, ServerOptions, Stdio, ToolServer
from services.storage.database import Database
from services.storage.views.audit import AuditFilter, list_page
from services.tools.client.commands import Commands
from services.tools.registry import servers
from services.tools.registry.servers_file import Imported, import_file
from services.tools.registry.servers_json import parse, slug
from services.vault.vault import Vault

SECRET = "s3cr3t-Value"


def read(entries: object, variables: Mapping[str, str] = {}) -> dict[str, ToolServer]:
    content = json.dumps({"mcpServers": entries, "other": 1}).encode()
    return {entry.name: entry.server for entry in parse(content, "mcp.json", variables)}


def problems(entries: object, variables: Mapping[str, str] = {}) -> list[tuple[str, str]]:
    with pytest.raises(InvalidInput) as caught:
        read(entries, variables)
    assert SECRET not in str(caught.value)
    assert all(SECRET not in problem.message for problem in caught.value.problems)
    return [(problem.code, problem.path) for problem in caught.value.problems]


def test_what_desktop_clients_write_is_read() -> None:
    found = read(
        {
            "time": {"command": "mcp-server-time", "args": ["--local-timezone", "UTC"], "env": {"A": "b"}},
            "Remote Docs": {
                "type": "streamable-http",
                "url": "https://h/mcp",
                "headers": {"X": "y"},
                "autoApprove": [],
            },
            "off": {"serverUrl": "https://h/mcp", "disabled": True},
        }
    )
    assert found["time"].reach == Stdio(command="mcp-server-time", args=("--local-timezone", "UTC"), env={"A": "b"})
    assert found["Remote Docs"].id == "remote-docs"
    assert found["Remote Docs"].reach == Http(url="https://h/mcp", headers={"X": "y"})
    assert found["off"].disabled


def test_our_own_key_holds_options() -> None:
    ours = {
        "trusted": True,
        "preset": "atlassian",
        "limits": {"max_concurrency": 3},
        "allow_private": True,
        "auth": {"type": "bearer", "token": "${T}"},
        "disabled": True,
    }
    server = read({"a": {"url": "http://127.0.0.1/mcp", "longhaul": ours}}, {"T": SECRET})["a"]
    assert server.reach == Http(url="http://127.0.0.1/mcp", allow_private=True, auth=BearerToken(token=SECRET))
    expected = ServerOptions.model_validate({"trusted": True, "preset": "atlassian", "limits": {"max_concurrency": 3}})
    assert server.options == expected
    assert server.disabled


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${A}", "1"),
        ("x${A}y${A}", "x1y1"),
        ("${B:-two}", "two"),
        ("${A:-two}", "1"),
        ("${EMPTY:-two}", "two"),
        ("x${EMPTY}", "x"),
        ("${B:-}x", "x"),
        ("$A", "$A"),
        ("${}", "${}"),
        ("${A-x}", "${A-x}"),
    ],
)
def test_variables_are_replaced(text: str, expected: str) -> None:
    server = read({"a": {"command": "c", "env": {"X": text}}}, {"A": "1", "EMPTY": ""})["a"]
    assert isinstance(server.reach, Stdio)
    assert server.reach.env == {"X": expected}


def test_what_a_variable_holds_is_not_expanded_again() -> None:
    server = read({"a": {"command": "c", "args": ["${A}"]}}, {"A": "${B}", "B": "no"})["a"]
    assert isinstance(server.reach, Stdio)
    assert server.reach.args == ("${B}",)


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([], [("missing", "/mcpServers")]),
        ({"a": []}, [("invalid", "/mcpServers/a")]),
        ({"a": {}}, [("invalid", "/mcpServers/a")]),
        ({"a": {"command": "c", "url": "https://h"}}, [("invalid", "/mcpServers/a")]),
        ({"a": {"command": "c", "args": "no"}}, [("invalid", "/mcpServers/a/args")]),
        ({"a": {"command": "c", "args": ["x", 1]}}, [("invalid", "/mcpServers/a/args/1")]),
        ({"a": {"command": "c", "env": {"A": 1}}}, [("invalid", "/mcpServers/a/env/A")]),
        ({"a": {"command": "c", "env": {"A": "${NO}"}}}, [("variable_missing", "/mcpServers/a/env/A")]),
        ({"a": {"command": "c", "env": {"A": "•••"}}}, [("invalid_text", "/mcpServers/a/env/A")]),
        ({"a": {"command": "c", "args": ["x\0"]}}, [("invalid_text", "/mcpServers/a/args/0")]),
        ({"a": {"type": "sse", "url": "https://h"}}, [("transport_not_supported", "/mcpServers/a/type")]),
        ({"a": {"type": "ws", "url": "https://h"}}, [("transport_not_supported", "/mcpServers/a/type")]),
        ({"a": {"url": f"ftp://{SECRET}"}}, [("invalid", "/mcpServers/a/url")]),
        ({"a": {"url": "https://h", "longhaul": []}}, [("invalid", "/mcpServers/a/longhaul")]),
        ({"a": {"url": "https://h", "longhaul": {"trust": 1}}}, [("invalid", "/mcpServers/a/longhaul/trust")]),
        (
            {"a": {"url": "https://h", "longhaul": {"auth": {"type": "bearer"}}}},
            [("invalid", "/mcpServers/a/longhaul/auth/bearer/token")],
        ),
        ({"a": {"command": "c", "longhaul": {"auth": None}}}, [("invalid", "/mcpServers/a/longhaul/auth")]),
        ({"a": {"url": "https://h", "longhaul": {"disabled": "x"}}}, [("invalid", "/mcpServers/a/longhaul/disabled")]),
        ({"17": {"command": "c"}}, [("bad_server_name", "/mcpServers/17")]),
        ({"a/b~": {"command": "c"}, "A B~": {"command": "c"}}, [("duplicate_id", "/mcpServers/A B~0")]),
        ({"a": {"command": "c"}, "b": {}, "c": {}}, [("invalid", "/mcpServers/b"), ("invalid", "/mcpServers/c")]),
    ],
)
def test_what_is_wrong_is_told_by_its_place(entries: object, expected: list[tuple[str, str]]) -> None:
    assert problems(entries) == expected


def test_values_that_nest_without_end_are_refused() -> None:
    value: Any = "x"
    for _ in range(200):
        value = [value]
    assert problems({"a": {"command": "c", "other": value}})[0][0] == "too_deep"


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"\xff", b"{", b"[" * 100_000, b'{"mcpServers": {"a": {"url": "x"}, "a": {}}}']
)
def test_what_is_no_such_file_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidInput, match=r"^mcp\.json"):
        parse(content, "mcp.json", {})


@pytest.mark.parametrize(
    ("name", "expected"), [("A b", "a-b"), ("x__y", "x__y"), ("7up", "up"), ("é", None), ("x" * 41, None), ("", None)]
)
def test_names_become_ids(name: str, expected: str | None) -> None:
    assert slug(name) == expected


class Disk:
    """A file and the database it is imported into; servers of other tests are left alone by their own names."""

    def __init__(self, db: Database, vault: Vault, commands: Commands, path: Path) -> None:
        self.db, self._vault, self._commands, self._path = db, vault, commands, path

    async def take(self, entries: Mapping[str, Any], variables: Mapping[str, str] = {}) -> Imported:
        self._path.write_text(json.dumps({"mcpServers": entries}))
        async with self.db.transaction() as tx:
            return await import_file(tx, self._vault, self._commands, self._path, variables)

    async def load(self, server_id: str) -> ToolServer:
        return await servers.load(self.db, self._vault, server_id)


@pytest.fixture
def disk(db: Database, vault: Vault, commands: Commands, tmp_path: Path) -> Disk:
    return Disk(db, vault, commands, tmp_path / "mcp.json")


ENTRY = {"command": "mcp-server-time"}


async def test_a_file_is_taken_over_once(disk: Disk, server_id: str) -> None:
    assert (await disk.take({server_id: ENTRY})).added == (server_id,)
    again = await disk.take({server_id: ENTRY})
    assert again.to_refresh == again.disabled == ()
    assert (await disk.load(server_id)).revision == 1


async def test_edits_by_api_survive_a_restart_until_the_file_changes(disk: Disk, vault: Vault, server_id: str) -> None:
    await disk.take({server_id: ENTRY})
    edited = ToolServer(id=server_id, reach=Stdio(command="mcp-atlassian"))
    async with disk.db.transaction() as tx:
        await servers.change(tx, vault, edited)
    await disk.take({server_id: ENTRY})
    assert (await disk.load(server_id)).reach == edited.reach
    assert (await disk.take({server_id: {**ENTRY, "args": ["x"]}})).changed == (server_id,)
    assert (await disk.load(server_id)).reach == Stdio(command="mcp-server-time", args=("x",))


async def test_a_variable_that_changed_is_taken_over(disk: Disk, server_id: str) -> None:
    entries = {server_id: {**ENTRY, "env": {"TOKEN": "${T}"}}}
    await disk.take(entries, {"T": "one"})
    assert (await disk.take(entries, {"T": "two"})).changed == (server_id,)
    reach = (await disk.load(server_id)).reach
    assert isinstance(reach, Stdio)
    assert reach.env == {"TOKEN": "two"}


async def test_a_server_that_vanished_is_disabled_and_may_come_back(disk: Disk, server_id: str) -> None:
    await disk.take({server_id: ENTRY})
    assert server_id in (await disk.take({})).disabled
    assert (await disk.load(server_id)).disabled
    assert server_id not in (await disk.take({})).disabled
    await disk.take({server_id: ENTRY})
    assert not (await disk.load(server_id)).disabled


async def test_what_a_file_changes_is_in_the_audit_log(disk: Disk, server_id: str) -> None:
    secret = {"env": {"TOKEN": "${T}"}, "longhaul": {"trusted": True}}
    await disk.take({server_id: {**ENTRY, **secret}}, {"T": "hidden-from-all"})
    await disk.take({server_id: {**ENTRY, **secret}}, {"T": "hidden-from-all"})
    await disk.take({server_id: ENTRY})
    await disk.take({})
    entries, _ = await list_page(disk.db, AuditFilter(None, object_id=server_id), None, 10)
    said = [(entry.action, entry.actor) for entry in reversed(entries)]
    assert said == [(f"tool_server.{verb}", "mcp.json") for verb in ("create", "replace", "disable")]
    assert entries[-1].details["options"]["trusted"] is True
    assert "hidden-from-all" not in str(entries)


async def test_a_server_of_the_api_is_left_alone(disk: Disk, vault: Vault, server_id: str) -> None:
    mine = ToolServer(id=server_id, reach=Stdio(command="mcp-atlassian"))
    async with disk.db.transaction() as tx:
        await servers.create(tx, vault, mine)
    assert (await disk.take({server_id: ENTRY})).left == (server_id,)
    await disk.take({})
    assert await disk.load(server_id) == mine


async def test_a_command_that_is_not_listed_spoils_the_file(disk: Disk, server_id: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        await disk.take({server_id: ENTRY, "bad": {"command": "/bin/sh"}})
    assert [problem.path for problem in caught.value.problems] == ["/mcpServers/bad/command"]
    assert not await disk.db.fetch("SELECT 1 FROM tool_server WHERE id = $1", server_id)


async def test_no_file_changes_nothing(db: Database, vault: Vault, commands: Commands, tmp_path: Path) -> None:
    async with db.transaction() as tx:
        assert await import_file(tx, vault, commands, tmp_path / "none.json", {}) == Imported()
