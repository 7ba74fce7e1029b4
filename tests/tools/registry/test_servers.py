"""Configured servers: sealed, shown without secrets, changed only from the revision that was seen."""

import pytest

from domain.errors import Conflict, InvalidInput, NotFound
from domain.tool_server import (
    AuthorizationCode,
    BearerToken,
    ClientCredentials,
    Http,
    ServerOptions,
    Stdio,
    ToolServer,
)
from services.storage.database import Database
from services.tools.registry import servers
from services.tools.registry.redaction import MASK, address_of, redacted, restored
from services.vault.errors import VaultError
from services.vault.vault import Vault

SECRET = "s3cr3t-Value"
STDIO = Stdio(
    command="mcp-server-time",
    args=("--token", SECRET, f"--api-key={SECRET}", f"https://me:{SECRET}@host/x", "--verbose", "plain"),
    env={"JIRA_TOKEN": SECRET, "HOME_PAGE": SECRET},
)
HTTP = Http(
    url=f"https://me:{SECRET}@Mcp.example/v1?key={SECRET}#{SECRET}",
    headers={"X-Key": SECRET},
    auth=BearerToken(token=SECRET),
)
REACHES = [
    STDIO,
    HTTP,
    Http(url="https://h/m", auth=ClientCredentials(client_id="id", client_secret=SECRET)),
    Http(url="https://h/m", auth=AuthorizationCode(client_id="id", client_secret=SECRET)),
    Http(url="https://h/m", auth=AuthorizationCode()),
]


async def create(db: Database, vault: Vault, server: ToolServer) -> ToolServer:
    async with db.transaction() as tx:
        await servers.create(tx, vault, server)
    return await servers.load(db, vault, server.id)


async def change(db: Database, vault: Vault, server: ToolServer, expected: int | None = None) -> ToolServer:
    async with db.transaction() as tx:
        await servers.change(tx, vault, server, expected=expected)
    return await servers.load(db, vault, server.id)


@pytest.mark.parametrize("reach", REACHES)
async def test_a_server_is_loaded_as_it_was_made(db: Database, vault: Vault, server_id: str, reach: Stdio) -> None:
    server = ToolServer(id=server_id, reach=reach, options=ServerOptions(trusted=True, owners=("ada",)))
    assert await create(db, vault, server) == server


@pytest.mark.parametrize("reach", REACHES)
async def test_no_secret_is_shown_or_stored_in_the_clear(
    db: Database, vault: Vault, server_id: str, reach: Stdio
) -> None:
    await create(db, vault, ToolServer(id=server_id, reach=reach))
    view = await servers.view(db, vault, server_id)
    assert SECRET not in view.model_dump_json()
    rows = await db.fetch("SELECT t::text AS t, reach FROM tool_server t WHERE id = $1", server_id)
    assert SECRET not in rows[0]["t"]
    assert SECRET.encode() not in rows[0]["reach"]


def test_what_is_no_secret_is_shown() -> None:
    shown = redacted(STDIO)
    assert isinstance(shown, Stdio)
    expected = ("--token", MASK, f"--api-key={MASK}", f"https://{MASK}@host/x", "--verbose", "plain")
    assert shown.args == expected
    assert shown.env == {"JIRA_TOKEN": MASK, "HOME_PAGE": MASK}
    assert address_of(HTTP) == f"https://{MASK}@Mcp.example/v1?{MASK}"
    assert address_of(Stdio(command="mcp-server-time")) == "mcp-server-time"


@pytest.mark.parametrize("reach", REACHES)
def test_what_was_shown_can_be_sent_back(reach: Stdio) -> None:
    assert restored(redacted(reach), reach) == reach


def test_one_secret_is_replaced_and_the_others_stay() -> None:
    shown = redacted(STDIO)
    assert isinstance(shown, Stdio)
    given = shown.model_copy(update={"env": {"JIRA_TOKEN": "new", "HOME_PAGE": MASK}})
    whole = restored(given, STDIO)
    assert isinstance(whole, Stdio)
    assert whole.env == {"JIRA_TOKEN": "new", "HOME_PAGE": SECRET}
    assert whole.args == STDIO.args


def test_a_mask_for_nothing_is_refused() -> None:
    with pytest.raises(InvalidInput) as caught:
        restored(Stdio(command="x", env={"NEW": MASK}), Stdio(command="x", env={"OLD": SECRET}))
    assert [(problem.code, problem.path) for problem in caught.value.problems] == [("secret_missing", "/reach/env/NEW")]


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        (Http(url="https://evil.example/m", headers={"A": MASK}), Http(url="https://h/m", headers={"A": SECRET})),
        (Http(url="http://h/m", headers={"A": MASK}), Http(url="https://h/m", headers={"A": SECRET})),
        (Stdio(command="other", env={"A": MASK}), Stdio(command="one", env={"A": SECRET})),
    ],
)
def test_kept_secrets_go_nowhere_else(given: Stdio, stored: Stdio) -> None:
    with pytest.raises(InvalidInput) as caught:
        restored(given, stored)
    assert caught.value.problems[0].code == "secret_needed"
    assert SECRET not in str(caught.value)


async def test_a_change_counts_and_expects(db: Database, vault: Vault, server_id: str) -> None:
    server = await create(db, vault, ToolServer(id=server_id, reach=STDIO))
    moved = server.model_copy(update={"reach": HTTP})
    assert (await change(db, vault, moved, expected=1)).revision == 2
    with pytest.raises(Conflict):
        await change(db, vault, server, expected=1)
    assert (await servers.load(db, vault, server_id)).reach == HTTP


async def test_switching_counts_only_when_it_changes_something(db: Database, vault: Vault, server_id: str) -> None:
    await create(db, vault, ToolServer(id=server_id, reach=STDIO))
    for _ in range(2):
        await servers.switch(db, server_id, disabled=True)
    server = await servers.load(db, vault, server_id)
    assert (server.disabled, server.revision) == (True, 2)
    assert server_id not in await servers.enabled_ids(db)
    await servers.switch(db, server_id, disabled=False)
    assert server_id in await servers.enabled_ids(db)


async def test_two_servers_of_one_id_are_refused(db: Database, vault: Vault, server_id: str) -> None:
    server = await create(db, vault, ToolServer(id=server_id, reach=STDIO))
    with pytest.raises(Conflict):
        await create(db, vault, server)


async def test_a_deleted_server_is_gone(db: Database, vault: Vault, server_id: str) -> None:
    await create(db, vault, ToolServer(id=server_id, reach=STDIO))
    await db.fetch("INSERT INTO tool_token (server, owner, sealed) VALUES ($1, '', 'x'::bytea)", server_id)
    async with db.transaction() as tx:
        await servers.delete(tx, server_id)
    for table in ("tool_token", "tool_capability"):
        assert not await db.fetch(f"SELECT 1 FROM {table} WHERE server = $1", server_id)  # noqa: S608  our own names
    with pytest.raises(NotFound):
        await servers.load(db, vault, server_id)
    async with db.transaction() as tx:
        with pytest.raises(NotFound):
            await servers.delete(tx, server_id)
        with pytest.raises(NotFound):
            await servers.switch(tx, server_id, disabled=True)


@pytest.mark.parametrize("name", ["", "UPPER", "a b", "a\0", "x" * 41, "a\n"])
async def test_what_is_no_id_is_not_found(db: Database, vault: Vault, name: str) -> None:
    with pytest.raises(NotFound):
        await servers.load(db, vault, name)


async def test_a_record_that_cannot_be_opened_hides_no_other_server(db: Database, vault: Vault, server_id: str) -> None:
    await create(db, vault, ToolServer(id=server_id, reach=STDIO))
    other_key = Vault({"other": bytes(range(32))}, "other")
    with pytest.raises(VaultError):
        await servers.load(db, other_key, server_id)
    view = next(each for each in await servers.views(db, other_key) if each.id == server_id)
    assert view.reach is None
    server = ToolServer(id=server_id, reach=HTTP)
    async with db.transaction() as tx:
        await servers.change(tx, other_key, server)
    assert (await servers.load(db, other_key, server_id)).reach == HTTP


async def test_a_record_of_another_server_is_not_opened(db: Database, vault: Vault, server_id: str) -> None:
    await create(db, vault, ToolServer(id=server_id, reach=STDIO))
    await create(db, vault, ToolServer(id=f"{server_id}b", reach=HTTP))
    sql = "UPDATE tool_server SET reach = (SELECT reach FROM tool_server WHERE id = $1) WHERE id = $2"
    await db.fetch(sql, server_id, f"{server_id}b")
    with pytest.raises(VaultError):
        await servers.load(db, vault, f"{server_id}b")
