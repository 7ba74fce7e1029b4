"""providers.yaml in the database: taken over when it changes, beside what admins and nodes have made."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from domain.errors import InvalidInput
from services.llm.admin import Node
from services.llm.config.edit import Source
from services.llm.config.object_ids import TARGETS_LIMIT
from services.llm.config.providers_file import MAX_BYTES, import_file
from services.llm.config.settings_provider import SettingsProvider, import_settings
from services.llm.config.takeover import Taken
from services.llm.pool.catalogue import Catalogue, Snapshot
from services.vault.vault import Vault
from tests.llm.config.stage import ANNA, SECRET, Stage, account, credential, deployment, provider, route

FILE = """
providers:
  p1:
    base_url: http://127.0.0.1:1/v1
    api_key: ${KEY}
    limits: {rpm: 60}
    models: [m, n]
  p2:
    base_url: http://127.0.0.1:2/v1
    models: [m]
routes:
  best: {to: [p1/m, p2/m], fallbacks: [n]}
"""
WITHOUT_P2 = """
providers:
  p1:
    base_url: http://127.0.0.1:1/v1
    api_key: ${KEY}
    limits: {rpm: 30}
    models: [m, n]
"""


@dataclass(frozen=True)
class Desk:
    """The stage, and a file beside it."""

    stage: Stage
    path: Path

    async def start(self, text: str | None = None, variables: Mapping[str, str] = {"KEY": SECRET}) -> Taken:
        """Start a worker; `text`: what the file says from now on."""
        if text is not None:
            self.path.write_text(text)
        async with self.stage.db.transaction() as tx:
            return await import_file(tx, self.stage.vault, self.path, variables)

    async def seen(self) -> Snapshot:
        catalogue = Catalogue(self.stage.db, self.stage.vault)
        await catalogue.refresh()
        return catalogue.snapshot

    async def targets(self, name: str) -> list[str]:
        found = (await self.seen()).route(name)
        return [] if found is None else [target.deployment_id for target in found.targets]


@pytest_asyncio.fixture
async def desk(stage: Stage, tmp_path: Path) -> Desk:
    return Desk(stage, tmp_path / "providers.yaml")


async def test_a_file_is_taken_over_as_a_whole(desk: Desk) -> None:
    taken = await desk.start(FILE)
    assert len(taken.added) == 2 + 2 + 3 + 3
    seen = await desk.seen()
    assert sorted(seen.accounts) == ["p1.main", "p2.main"]
    assert seen.accounts["p1.main"].target.credential == SECRET
    assert seen.accounts["p2.main"].target.credential is None
    assert await desk.stage.limits("p1.main") == {("requests", 60, 60, False)}
    assert await desk.targets("best") == ["p1.main.m", "p2.main.m"]
    assert {entry[0] for entry in await desk.stage.audit()} == {"providers.yaml"}


async def test_without_a_file_nothing_changes(desk: Desk) -> None:
    before = await desk.stage.version()
    assert not await desk.start()
    await desk.start(FILE)
    desk.path.unlink()
    assert not await desk.start()
    assert len((await desk.seen()).accounts) == 2
    assert await desk.stage.version() == before + 1


async def test_an_unchanged_file_changes_nothing(desk: Desk) -> None:
    await desk.start(FILE)
    before = await desk.stage.version()
    assert not await desk.start()
    assert not await desk.start("# a remark\n" + FILE)
    assert await desk.stage.version() == before


async def test_a_changed_variable_is_a_change(desk: Desk) -> None:
    await desk.start(FILE)
    taken = await desk.start(variables={"KEY": "sk-2"})
    assert taken.changed == ["account p1.main"]
    assert (await desk.seen()).accounts["p1.main"].target.credential == "sk-2"


async def test_what_is_gone_from_the_file_goes(desk: Desk) -> None:
    await desk.start(FILE)
    taken = await desk.start(WITHOUT_P2)
    assert taken.changed == ["account p1.main", "route m"]
    assert taken.removed == ["route best", "deployment p2.main.m", "account p2.main", "provider p2"]
    assert await desk.targets("m") == ["p1.main.m"]
    assert await desk.stage.limits("p1.main") == {("requests", 60, 30, False)}
    assert await desk.stage.limits("p2.main") == set()
    taken = await desk.start("")
    assert len(taken.removed) == 6
    assert (await desk.seen()).routes == ()


async def test_what_admins_have_made_stays(desk: Desk) -> None:
    await desk.stage.fill()
    await desk.start(FILE)
    await desk.start("providers: {p: {base_url: 'http://127.0.0.1:7/v1'}}")
    assert (await desk.stage.admin.providers.read(("p",))).base_url == provider().base_url
    assert (await desk.stage.admin.providers.read(("p",))).source is Source.ADMIN
    assert await desk.targets("r") == ["d"]
    assert await desk.stage.opened("a") == SECRET


async def test_what_an_admin_has_changed_is_theirs(desk: Desk) -> None:
    await desk.start(FILE)
    await desk.stage.admin.accounts.switch(ANNA, ("p1.main",), disabled=True)
    await desk.stage.admin.routes.replace(ANNA, route("best", "p2.main.m"), None)
    taken = await desk.start(FILE + "# \n  other: {to: p1/m}\n", {"KEY": "sk-2"})
    assert taken.left == ["account p1.main", "route best"]
    seen = await desk.seen()
    assert seen.accounts["p1.main"].account.disabled
    assert seen.accounts["p1.main"].target.credential == SECRET
    assert await desk.targets("best") == ["p2.main.m"]
    await desk.start("")
    assert sorted((await desk.seen()).accounts) == ["p1.main", "p2.main"]


async def test_what_an_admins_objects_stand_on_is_disabled_and_comes_back(desk: Desk) -> None:
    await desk.start(FILE)
    await desk.stage.admin.routes.create(ANNA, route("mine", "p2.main.m", fallbacks=("best",)))
    taken = await desk.start(WITHOUT_P2)
    assert taken.removed == []
    assert taken.disabled == ["route best", "deployment p2.main.m", "account p2.main", "provider p2"]
    assert (await desk.seen()).route("best") is None
    await desk.start(FILE)
    seen = await desk.seen()
    assert not seen.accounts["p2.main"].provider.disabled
    assert await desk.targets("best") == ["p1.main.m", "p2.main.m"]


async def test_an_admins_account_keeps_the_files_provider(desk: Desk) -> None:
    await desk.start(FILE)
    await desk.stage.admin.accounts.create(ANNA, account("mine", "p2"), credential())
    await desk.stage.admin.deployments.create(ANNA, deployment("mine.m", "mine"))
    taken = await desk.start(WITHOUT_P2)
    assert taken.disabled == ["provider p2"]
    assert (await desk.seen()).accounts["mine"].provider.disabled


async def test_nodes_keep_their_places_in_the_files_routes(desk: Desk) -> None:
    await desk.stage.admin.beat(ANNA, "gpu", Node(base_url="http://127.0.0.1:5/v1", models=("m", "best")))
    await desk.start(FILE)
    assert await desk.targets("m") == ["p1.main.m", "p2.main.m", "node-gpu.m"]
    assert (await desk.targets("best"))[-1] == "node-gpu.best"
    await desk.start(WITHOUT_P2)
    assert await desk.targets("m") == ["p1.main.m", "node-gpu.m"]
    assert await desk.targets("best") == ["node-gpu.best"]
    await desk.start("")
    assert await desk.targets("m") == ["node-gpu.m"]
    await desk.stage.admin.remove_node(ANNA, "gpu")
    assert (await desk.seen()).routes == ()


async def test_the_files_word_counts_more_than_the_settings(desk: Desk) -> None:
    settings = SettingsProvider("http://127.0.0.1:9/v1")

    async def start_anew(text: str) -> list[str]:
        """Start a worker: the settings first, then the file; return where `*` leads."""
        async with desk.stage.db.transaction() as tx:
            await import_settings(tx, desk.stage.vault, settings)
        await desk.start(text)
        return await desk.targets("anything")

    with_any = FILE + "  '*': {to: p1/m}\n"
    assert await start_anew(FILE) == ["default"]
    assert await start_anew(with_any) == ["p1.main.m"]
    assert await start_anew(with_any) == ["p1.main.m"]
    await start_anew(FILE)
    assert await start_anew(FILE) == ["default"]


async def test_nodes_have_no_more_places_in_a_route_than_there_are(desk: Desk) -> None:
    accounts = "".join(f"      a{n}: \n" for n in range(TARGETS_LIMIT))
    full = f"providers:\n  p:\n    base_url: http://h/v1\n    accounts:\n{accounts}    models: [m]\n"
    await desk.stage.admin.beat(ANNA, "gpu", Node(base_url="http://127.0.0.1:5/v1", models=("m",)))
    await desk.start(full)
    assert len(await desk.targets("m")) == TARGETS_LIMIT


async def test_a_fallback_may_be_another_sources_route(desk: Desk) -> None:
    await desk.stage.fill()
    await desk.start("providers: {p1: {base_url: 'http://h/v1', models: [m]}}\nroutes: {x: {to: p1/m, fallbacks: [r]}}")
    found = (await desk.seen()).route("x")
    assert found is not None
    assert found.fallbacks == ("r",)


@pytest.mark.parametrize(
    ("routes", "expected"),
    [
        ("{x: {to: p1/m, fallbacks: [nowhere]}}", [("unknown_route", "/routes/x/fallbacks/0")]),
        (
            "{x: {to: p1/m, fallbacks: [y]}, y@2: {to: p1/m, fallbacks: [m, x]}}",
            [("fallback_loop", "/routes/x/fallbacks/0"), ("fallback_loop", "/routes/y@2/fallbacks/1")],
        ),
    ],
)
async def test_fallbacks_are_checked(desk: Desk, routes: str, expected: list[tuple[str, str]]) -> None:
    with pytest.raises(InvalidInput) as error:
        await desk.start(f"providers: {{p1: {{base_url: 'http://h/v1', models: [m]}}}}\nroutes: {routes}")
    assert [(problem.code, problem.path) for problem in error.value.problems] == expected
    assert (await desk.seen()).routes == ()


async def test_a_broken_file_changes_nothing_and_names_the_variable(desk: Desk) -> None:
    await desk.start(FILE)
    before = await desk.stage.version()
    with pytest.raises(
        InvalidInput, match=r"providers\.yaml/providers/p1/api_key: the environment variable KEY is not set"
    ):
        await desk.start(FILE.replace("rpm: 60", "rpm: 61"), {})
    assert await desk.stage.version() == before


async def test_a_file_beyond_all_measure_is_not_read(desk: Desk) -> None:
    with pytest.raises(InvalidInput, match="has more than"):
        await desk.start("#" * (MAX_BYTES + 1))


async def test_credentials_that_nobody_can_open_any_more_are_sealed_anew(desk: Desk) -> None:
    await desk.start(FILE)
    other = Vault({"k2": b"2" * 32}, active="k2")
    async with desk.stage.db.transaction() as tx:
        taken = await import_file(tx, other, desk.path, {"KEY": SECRET})
    assert taken.changed == ["account p1.main"]
    catalogue = Catalogue(desk.stage.db, other)
    await catalogue.refresh()
    assert catalogue.snapshot.accounts["p1.main"].target.credential == SECRET


async def test_a_thousand_accounts_come_and_go(desk: Desk) -> None:
    accounts = "".join(f"      a{n}: {{api_key: sk-{n}, limits: {{rpm: 60}}}}\n" for n in range(1000))
    text = f"providers:\n  p:\n    base_url: http://h/v1\n    accounts:\n{accounts}"
    assert len((await desk.start(text)).added) == 1001
    assert len((await desk.seen()).accounts) == 1000
    assert len((await desk.start("")).removed) == 1001


async def test_more_accounts_than_an_installation_has_are_refused(desk: Desk) -> None:
    accounts = "".join(f"      a{n}: {{}}\n" for n in range(6000))
    text = "providers:\n" + "".join(f"  {name}:\n    base_url: http://h/v1\n    accounts:\n{accounts}" for name in "pq")
    with pytest.raises(InvalidInput, match="at most 10000 accounts"):
        await desk.start(text)
    assert (await desk.seen()).accounts == {}


async def test_no_table_holds_a_key(desk: Desk) -> None:
    await desk.start(FILE)
    (row,) = await desk.stage.db.fetch("SELECT imported FROM pool_version")
    assert SECRET not in repr(dict(row)) + await desk.stage.everything()
