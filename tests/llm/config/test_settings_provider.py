"""The settings' provider: taken over when it has changed, removed when it is unset, and never over an admin's word."""

import pytest
from pydantic import SecretStr

from domain.errors import InvalidInput
from services.llm.config.edit import Source
from services.llm.config.settings_provider import SettingsProvider, import_settings
from services.llm.config.takeover import Taken
from services.llm.pool.catalogue import Catalogue, Snapshot
from tests.llm.config.stage import ANNA, SECRET, Stage, account, credential, route

URL = "http://10.0.0.7:9/v1"
SETTINGS = SettingsProvider(URL, SecretStr(SECRET))


async def start(stage: Stage, provider: SettingsProvider | None) -> Taken:
    async with stage.db.transaction() as tx:
        return await import_settings(tx, stage.vault, provider)


async def snapshot(stage: Stage) -> Snapshot:
    catalogue = Catalogue(stage.db, stage.vault)
    await catalogue.refresh()
    return catalogue.snapshot


async def test_it_answers_for_every_model(stage: Stage) -> None:
    await start(stage, SETTINGS)
    seen = await snapshot(stage)
    found = seen.route("whatever@7")
    assert found is not None
    assert (found.name, [target.deployment_id for target in found.targets]) == ("*", ["default"])
    entry = seen.accounts["default"]
    assert (entry.target.base_url, entry.target.credential, entry.account.limits) == (URL, SECRET, ())
    assert seen.deployments["default"].model == "*"
    assert (await stage.admin.providers.read(("default",))).source is Source.SETTINGS


async def test_every_other_route_comes_first(stage: Stage) -> None:
    await start(stage, SETTINGS)
    await stage.admin.routes.create(ANNA, route("gpt-*", "default"))
    found = (await snapshot(stage)).route("gpt-9")
    assert found is not None
    assert found.name == "gpt-*"


async def test_an_unchanged_start_changes_nothing(stage: Stage) -> None:
    assert await start(stage, SETTINGS)
    before = await stage.version()
    assert not await start(stage, SETTINGS)
    assert await stage.version() == before


@pytest.mark.parametrize(
    "changed",
    [
        SettingsProvider("http://127.0.0.1:10/v1", SecretStr(SECRET)),
        SettingsProvider(URL, SecretStr("sk-2")),
        SettingsProvider(URL, None),
        SettingsProvider(URL, SecretStr(SECRET), simulated=True),
    ],
)
async def test_changed_settings_are_taken_over(stage: Stage, changed: SettingsProvider) -> None:
    await start(stage, SETTINGS)
    assert await start(stage, changed)
    target = (await snapshot(stage)).accounts["default"].target
    expected = None if changed.api_key is None else changed.api_key.get_secret_value()
    assert (target.base_url, target.credential, target.simulated) == (changed.base_url, expected, changed.simulated)


async def test_unset_settings_take_it_away(stage: Stage) -> None:
    assert not await start(stage, None)
    await start(stage, SETTINGS)
    assert (await start(stage, None)).removed == [
        "route *",
        "deployment default",
        "account default",
        "provider default",
    ]
    assert (await snapshot(stage)).accounts == {}
    assert await start(stage, SETTINGS)


async def test_what_an_admin_has_changed_stays(stage: Stage) -> None:
    await start(stage, SETTINGS)
    await stage.admin.accounts.replace(ANNA, account("default", "default", weight=7), credential("sk-mine"), None)
    taken = await start(stage, SettingsProvider("http://127.0.0.1:10/v1", SecretStr("sk-2")))
    assert taken.left == ["account default"]
    entry = (await snapshot(stage)).accounts["default"]
    assert (entry.account.weight, entry.target.credential) == (7, "sk-mine")
    assert entry.target.base_url == "http://127.0.0.1:10/v1"


async def test_what_an_admin_has_removed_stays_away_until_the_settings_change(stage: Stage) -> None:
    await start(stage, SETTINGS)
    await stage.admin.routes.delete(ANNA, ("*", ""), None)
    await start(stage, SETTINGS)
    assert (await snapshot(stage)).routes == ()
    await start(stage, SettingsProvider(URL, SecretStr("sk-2")))
    assert len((await snapshot(stage)).routes) == 1


async def test_what_an_admins_object_stands_on_is_disabled_instead_of_removed(stage: Stage) -> None:
    await start(stage, SETTINGS)
    await stage.admin.routes.create(ANNA, route("mine", "default"))
    taken = await start(stage, None)
    assert (taken.removed, len(taken.disabled)) == (["route *"], 3)
    seen = await snapshot(stage)
    assert [seen.deployments["default"].disabled, seen.accounts["default"].provider.disabled] == [True, True]


@pytest.mark.parametrize("url", ["http://169.254.169.254/v1", "ftp://host", "http://me:pw@host/v1"])
async def test_an_address_that_nobody_may_have_is_refused(stage: Stage, url: str) -> None:
    with pytest.raises(InvalidInput) as error:
        await start(stage, SettingsProvider(url))
    assert [problem.path for problem in error.value.problems] == ["/base_url"]
    assert await stage.audit() == []


async def test_neither_audit_nor_tables_hold_the_key(stage: Stage) -> None:
    await start(stage, SETTINGS)
    (row,) = await stage.db.fetch("SELECT imported FROM pool_version")
    assert SECRET not in repr(dict(row)) + await stage.everything()
    assert {entry[0] for entry in await stage.audit()} == {"settings"}
