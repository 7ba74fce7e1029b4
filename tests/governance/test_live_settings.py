"""What is set holds in every process soon, and everything that was ever set is known."""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio

from domain.errors import InvalidInput, NotFound, Unavailable
from domain.live_settings import NAMES, LiveValues, LogLevel, allowed, checked, default_of, values_of, wording
from domain.placement import Placement
from domain.revisions import StaleRevision
from runtime.live_settings import bootstrap_of, set_log_level
from runtime.settings import Settings, load
from services.storage import setting_versions
from services.storage.audit import By
from services.storage.database import Database
from services.storage.live_settings import LiveSettings
from services.storage.setting_versions import SettingVersion, Wish
from services.storage.views.audit import AuditFilter, list_page

LIVE_WITHIN_S = 2.0


@pytest.fixture
def admin() -> By:
    return By("anna", "anna", f"ten-{secrets.token_hex(6)}", address="192.0.2.1")


@pytest_asyncio.fixture
async def taken_back(db: Database) -> AsyncIterator[None]:
    """Leave the settings of the run's database as they were."""
    yield
    for name in await setting_versions.newest(db):
        await setting_versions.change(db, By.itself("test"), Wish(name, None))


async def put(db: Database, by: By, *given: Any, **more: Any) -> SettingVersion:
    async with db.transaction() as tx:
        return await setting_versions.change(tx, by, Wish(*given, **more))


async def until(condition: Callable[[], bool], limit_s: float = LIVE_WITHIN_S) -> None:
    async with asyncio.timeout(limit_s):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.mark.usefixtures("taken_back")
async def test_every_process_goes_by_a_change_within_two_seconds(db: Database, database_url: str, admin: By) -> None:
    far = Database(database_url)
    readers = [LiveSettings(db), LiveSettings(far, {"log_keep_days": 11})]
    for reader in readers:
        await reader.start()
        await reader.start()
    assert [reader.values.log_keep_days for reader in readers] == [30, 11]
    await put(db, admin, "log_keep_days", 99)
    await until(lambda: all(reader.values.log_keep_days == 99 for reader in readers))
    await put(far, admin, "log_keep_days", None)
    await until(lambda: [reader.values.log_keep_days for reader in readers] == [30, 11])
    for reader in readers:
        await reader.close()
    await far.close()


@pytest.mark.usefixtures("taken_back")
async def test_who_follows_hears_what_holds_and_what_changes(db: Database, admin: By) -> None:
    settings, heard = LiveSettings(db), list[float]()

    async def hear(values: LiveValues) -> None:
        heard.append(values.call_timeout_s)
        if len(heard) == 1:
            raise RuntimeError("this one fails once")

    settings.follow(hear)
    await settings.start()
    await until(lambda: heard == [3600])
    await put(db, admin, "call_timeout_s", 12.5)
    await until(lambda: heard == [3600, 12.5])
    await settings.close()


async def test_who_failed_to_follow_hears_the_same_again(db: Database) -> None:
    settings, heard = LiveSettings(db, retry_s=0.02), list[LiveValues]()

    async def hear(values: LiveValues) -> None:
        heard.append(values)
        if len(heard) < 4:
            raise Unavailable("not now")

    settings.follow(hear)
    await settings.start()
    await until(lambda: len(heard) == 4)
    assert len(set(map(LiveValues.model_dump_json, heard))) == 1
    await settings.close()


@pytest.mark.usefixtures("taken_back")
async def test_a_change_is_seen_after_every_connection_was_lost(db: Database, database_url: str, admin: By) -> None:
    far = Database(database_url)
    settings = LiveSettings(far, poll_s=0.05)
    await settings.start()
    (mine,) = await far.fetch("SELECT pg_backend_pid() AS pid")
    await db.fetch("SELECT pg_terminate_backend($1)", mine["pid"])
    await put(db, admin, "log_keep_days", 98)
    await until(lambda: settings.values.log_keep_days == 98)
    await settings.close()
    await far.close()


async def test_without_a_database_the_environment_holds(tmp_path: object) -> None:
    nowhere = Database(f"postgresql://nobody@/none?host={tmp_path}")
    settings = LiveSettings(nowhere, {"placement": "child"})
    await settings.start()
    assert settings.values.placement is Placement.CHILD
    await settings.close()
    await nowhere.close()


@pytest.mark.usefixtures("taken_back")
async def test_what_another_build_has_set_beyond_the_bounds_is_passed_over(
    db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    settings = LiveSettings(db, {"request_window": 7})
    await db.fetch(
        "INSERT INTO setting_version (name, revision, value, actor, why)"
        " SELECT 'request_window', 1 + coalesce(max(revision), 0), '100000'::jsonb, 'x', ''"
        " FROM setting_version WHERE name = 'request_window'"
    )
    await settings.refresh()
    assert settings.values.request_window == 7
    assert "request_window must be a whole number from 1 to 200" in caplog.text


@pytest.mark.usefixtures("taken_back")
async def test_every_version_is_known_with_who_and_why(db: Database, admin: By) -> None:
    first = await put(db, admin, "pool_check_s", 30, "calm")
    await put(db, admin, "pool_check_s", 20, "hurry")
    await put(db, admin, "pool_check_s", None, "back")
    versions, before = await setting_versions.page(db, "pool_check_s", None, 2)
    assert [(each.value, each.why, each.actor) for each in versions] == [(None, "back", "anna"), (20, "hurry", "anna")]
    older, _ = await setting_versions.page(db, "pool_check_s", before, 200)
    assert older[0] == first


@pytest.mark.usefixtures("taken_back")
async def test_an_earlier_version_is_taken_again_as_a_new_one(db: Database, admin: By) -> None:
    first = await put(db, admin, "request_max_replans", 4)
    second = await put(db, admin, "request_max_replans", 5)
    async with db.transaction() as tx:
        wish = Wish("request_max_replans", None, "was better", second.revision)
        again = await setting_versions.revert(tx, admin, wish, first.revision)
    assert (again.value, again.revision, again.why) == (4, second.revision + 1, "was better")
    async with db.transaction() as tx:
        none = await setting_versions.revert(tx, admin, Wish("request_max_replans", None), 0)
    assert none.value is None
    with pytest.raises(NotFound):
        await setting_versions.revert(db, admin, Wish("request_max_replans", None), 10**6)


@pytest.mark.usefixtures("taken_back")
async def test_of_changes_at_once_one_is_made_and_the_others_are_stale(db: Database, admin: By) -> None:
    now = (await put(db, admin, "tool_refresh_s", 60)).revision
    changes = [put(db, admin, "tool_refresh_s", 100 + n, "", now) for n in range(8)]
    results = await asyncio.gather(*changes, return_exceptions=True)
    assert sum(isinstance(each, StaleRevision) for each in results) == 7
    (made,) = [each for each in results if isinstance(each, SettingVersion)]
    assert made.revision == now + 1


@pytest.mark.usefixtures("taken_back")
async def test_changes_without_a_revision_all_happen(db: Database, admin: By) -> None:
    results = await asyncio.gather(*(put(db, admin, "tool_refresh_s", 100 + n) for n in range(8)))
    assert len({each.revision for each in results}) == 8


@pytest.mark.usefixtures("taken_back")
async def test_each_change_is_in_the_audit_log(db: Database, admin: By) -> None:
    made = await put(db, admin, "result_cache", value=False, why="stale answers")
    async with db.transaction() as tx:
        await setting_versions.revert(tx, admin, Wish("result_cache", None), 0)
    entries, _ = await list_page(db, AuditFilter(admin.tenant), None, 10)
    assert [entry.action for entry in entries] == ["setting.revert", "setting.change"]
    assert entries[1].details["value"] is False
    assert entries[1].details["why"] == "stale answers"
    assert entries[0].details == {"before": False, "value": None, "why": "", "to": 0}
    assert (entries[1].object_id, entries[1].address, made.actor) == ("result_cache", "192.0.2.1", "anna")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("log_keep_days", 1),
        ("log_keep_days", 3651),
        ("log_keep_days", True),
        ("log_keep_days", "30"),
        ("log_keep_days", 30.5),
        ("log_keep_days", [30]),
        ("log_keep_days", 10**400),
        ("call_timeout_s", float("nan")),
        ("call_timeout_s", float("inf")),
        ("result_cache", 1),
        ("result_cache", "true"),
        ("log_level", "debug"),
        ("log_level", "TRACE"),
        ("placement", "moon"),
        ("default_model", ""),
        ("default_model", "a b"),
        ("default_model", "x" * 201),
        ("default_model", "\ud800"),
        ("default_model", {"a": 1}),
    ],
)
async def test_a_value_that_may_not_be_is_refused_with_what_may(
    db: Database, admin: By, name: str, value: object
) -> None:
    before = await setting_versions.clock(db)
    with pytest.raises(InvalidInput, match=f"{name} must be {wording(allowed(name))[:10]}"):
        await put(db, admin, name, value)
    assert await setting_versions.clock(db) == before


async def test_there_is_no_setting_of_another_name(db: Database, admin: By) -> None:
    for work in (put(db, admin, "master_keys", 1), setting_versions.page(db, "__class__", None, 1)):
        with pytest.raises(NotFound):
            await work


def test_every_default_may_be_set() -> None:
    for name in NAMES:
        assert checked(name, default_of(name)) == default_of(name)


def test_the_database_goes_before_the_environment_and_that_before_the_default() -> None:
    values = values_of({"log_keep_days": 11, "key_keep_days": 12}, {"key_keep_days": 13})
    assert (values.call_keep_days, values.log_keep_days, values.key_keep_days) == (30, 11, 13)
    assert values.keep.key_days == 13


def test_of_the_environment_only_what_is_set_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LONGHAUL_LOG_LEVEL", "debug")
    monkeypatch.setenv("LONGHAUL_LOG_KEEP_DAYS", "50")
    settings = load().model_copy(update={"openai_model": "small"})
    assert bootstrap_of(settings) == {"log_level": "DEBUG", "log_keep_days": 50, "default_model": "small"}


def test_a_setting_is_the_same_in_the_environment_and_in_the_database() -> None:
    for name in set(NAMES) & set(Settings.model_fields):
        ours, theirs = LiveValues.model_fields[name], Settings.model_fields[name]
        assert (ours.default, ours.description) == (theirs.default, theirs.description), name


async def test_the_log_level_follows() -> None:
    root = logging.getLogger()
    before = root.level
    try:
        await set_log_level(LiveValues(log_level=LogLevel.ERROR))
        assert root.level == logging.ERROR
    finally:
        root.setLevel(before)
