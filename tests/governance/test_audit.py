"""Entries are written with the change, say no secret, and stay as they are."""

import json
import secrets
import tracemalloc
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.caller import Caller
from domain.errors import InvalidInput
from domain.purging import Keep, PurgeKind
from services.storage import json_text, purging
from services.storage.audit import DETAILS_BYTES, MASK, Act, By, bounded, record
from services.storage.database import Database
from services.storage.views.audit import AuditEntryView, AuditFilter, batches, list_page

KEY = f"lh_{'a' * 16}_{'B' * 43}"


def unique(what: str) -> str:
    return f"{what}-{secrets.token_hex(6)}"


def by(tenant: str, **changes: Any) -> By:
    return By(**{"actor": "anna", "owner": "anna", "tenant": tenant, **changes})


async def written(db: Database, tenant: str) -> list[AuditEntryView]:
    found, _ = await list_page(db, AuditFilter(tenant), None, 500)
    return found


async def test_an_entry_says_who_what_which_and_from_where(db: Database) -> None:
    tenant = unique("ten")
    caller = Caller("ben", tenant, actor="anna", key_id="0" * 16)
    async with db.transaction() as tx:
        await record(tx, By.of(caller, "192.0.2.7"), Act("user.create", "user", "usr_1", {"name": "Carl"}))
    (entry,) = await written(db, tenant)
    assert (entry.actor, entry.owner, entry.tenant) == ("anna", "ben", tenant)
    assert (entry.key_id, entry.address) == ("0" * 16, "192.0.2.7")
    assert (entry.action, entry.object_kind, entry.object_id) == ("user.create", "user", "usr_1")
    assert entry.details == {"name": "Carl"}
    assert abs(datetime.now(UTC) - entry.at) < timedelta(minutes=1)


async def test_an_entry_goes_with_its_change(db: Database) -> None:
    tenant = unique("ten")

    async def fail() -> None:
        async with db.transaction() as tx:
            await record(tx, by(tenant), Act("user.create", "user", "u"))
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        await fail()
    assert await written(db, tenant) == []


async def test_several_acts_stay_in_their_order(db: Database) -> None:
    tenant = unique("ten")
    await record(db, by(tenant), *(Act("user.switch", "user", f"u{n}") for n in range(5)))
    await record(db, by(tenant))
    assert [entry.object_id for entry in await written(db, tenant)] == ["u4", "u3", "u2", "u1", "u0"]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entry SET actor = 'nobody' WHERE tenant = $1",
        "DELETE FROM audit_entry WHERE tenant = $1",
        (
            "INSERT INTO audit_entry (id, actor, owner, tenant, action, object_kind, object_id) OVERRIDING SYSTEM VALUE"
            " SELECT id, '', '', '', '', '', '' FROM audit_entry WHERE tenant = $1"
            " ON CONFLICT (id) DO UPDATE SET actor = 'nobody'"
        ),
    ],
)
async def test_what_is_written_stays(db: Database, statement: str) -> None:
    tenant = unique("ten")
    await record(db, by(tenant), Act("user.create", "user", "u"))
    with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
        await db.fetch(statement, tenant)
    assert len(await written(db, tenant)) == 1


async def test_the_log_cannot_be_emptied(db: Database) -> None:
    with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
        await db.fetch("TRUNCATE audit_entry")


async def test_even_the_purge_leaves_what_is_young(db: Database) -> None:
    tenant = unique("ten")
    await record(db, by(tenant), Act("user.create", "user", "u"))
    with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
        await db.fetch("SELECT longhaul_audit_purge(clock_timestamp() + interval '1 day', 100000)")
    assert len(await written(db, tenant)) == 1


async def test_what_is_old_is_purged(db: Database) -> None:
    tenant = unique("ten")
    for days in (100, 61, 59, 0):
        await _aged(db, tenant, days)
    keep, more = Keep(audit_days=60), True
    while more:
        more = (await purging.sweep(db, PurgeKind.AUDIT, keep, batch=1)).more
    assert [entry.object_id for entry in await written(db, tenant)] == ["0", "59"]


async def _aged(db: Database, tenant: str, days: int) -> None:
    await db.fetch(
        "INSERT INTO audit_entry (at, actor, owner, tenant, action, object_kind, object_id)"
        " VALUES (clock_timestamp() - make_interval(days => $2), 'a', 'a', $1, 'x', 'x', $3)",
        tenant,
        days,
        str(days),
    )


@pytest.mark.parametrize(
    ("details", "shown"),
    [
        ({"password": "hunter2"}, {"password": MASK}),
        ({"refresh_token": "abc", "clientSecret": "abc"}, {"refresh_token": MASK, "clientSecret": MASK}),
        ({"X-Api-Key": "abc"}, {"X-Api-Key": MASK}),
        ({"credential": "set"}, {"credential": "set"}),
        ({"credential": ["a"], "token": None}, {"credential": MASK, "token": None}),
        ({"deep": [{"secret": {"a": 1}}]}, {"deep": [{"secret": MASK}]}),
        ({"note": f"used {KEY} twice"}, {"note": f"used {MASK} twice"}),
        ({"url": "https://me:pw@example.com/x"}, {"url": f"https://{MASK}@example.com/x"}),
        ({"url": "postgresql://me:p@ss@example.com/x"}, {"url": f"postgresql://{MASK}@example.com/x"}),
        ({"jwt": "eyJhbGciOiJF.eyJzdWIiOiJ4.c2ln"}, {"jwt": MASK}),
        ({"input_tokens": 5, "key_id": "a1"}, {"input_tokens": 5, "key_id": "a1"}),
        ({"at": datetime(2026, 1, 1, tzinfo=UTC)}, {"at": "2026-01-01 00:00:00+00:00"}),
        ({"far": float("inf")}, {"far": "inf"}),
    ],
)
def test_details_say_no_secret(details: Mapping[str, Any], shown: Mapping[str, Any]) -> None:
    assert bounded(details) == shown


def test_long_details_are_cut() -> None:
    assert bounded({"text": "x" * 10_000}) == {"text": "x" * 500 + "…"}
    cut = bounded({f"k{n}": "é" * 400 for n in range(100)})
    assert cut["cut"] is True
    assert cut["beginning"].startswith('{"k0":"é')


def test_deep_details_are_cut() -> None:
    deep: dict[str, Any] = {}
    for _ in range(5000):
        deep = {"a": deep}
    assert "…" in json.dumps(bounded(deep), ensure_ascii=False)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=50,
)


@given(st.dictionaries(st.text(), _JSON, max_size=20))
def test_no_details_are_too_long(details: dict[str, Any]) -> None:
    assert len(json_text.encode(bounded(details)).encode()) <= DETAILS_BYTES


async def test_texts_that_postgresql_refuses_are_written_all_the_same(db: Database) -> None:
    tenant = unique("ten")
    act = Act("login.refused", "user", "a\0" * 1000, {"name": "\0\ud800", KEY: KEY})
    await record(db, by(tenant, actor="x" * 5000, address="y" * 5000), act)
    (entry,) = await written(db, tenant)
    assert (len(entry.actor), len(entry.object_id), len(entry.address or "")) == (200, 400, 64)
    assert KEY not in entry.model_dump_json()


async def test_entries_are_found_by_each_of_their_facts(db: Database) -> None:
    tenant = unique("ten")
    await record(db, by(tenant, actor="ben"), Act("user.create", "user", "u1"))
    await record(db, by(tenant, owner="carl"), Act("key.create", "api_key", "k1"))
    for name, wanted, found in (
        ("actor", "ben", "u1"),
        ("owner", "carl", "k1"),
        ("action", "key.create", "k1"),
        ("object_kind", "user", "u1"),
        ("object_id", "k1", "k1"),
    ):
        same: dict[str, Any] = {name: wanted}
        views, _ = await list_page(db, AuditFilter(tenant, **same), None, 10)
        assert [view.object_id for view in views] == [found], name


async def test_entries_are_found_by_time(db: Database) -> None:
    tenant = unique("ten")
    for days in (5, 3, 1):
        await _aged(db, tenant, days)
    now = datetime.now(UTC)
    narrowed = AuditFilter(tenant, since=now - timedelta(days=4), until=now - timedelta(days=2))
    views, _ = await list_page(db, narrowed, None, 10)
    assert [view.object_id for view in views] == ["3"]


async def test_pages_follow_each_other_while_entries_are_added(db: Database) -> None:
    tenant = unique("ten")
    await record(db, by(tenant), *(Act("x.y", "x", str(n)) for n in range(7)))
    seen, cursor = await list_page(db, AuditFilter(tenant), None, 3)
    await record(db, by(tenant), Act("x.y", "x", "new"))
    while cursor is not None:
        page, cursor = await list_page(db, AuditFilter(tenant), cursor, 3)
        seen += page
    assert [view.object_id for view in seen] == ["6", "5", "4", "3", "2", "1", "0"]


@pytest.mark.parametrize("cursor", ["", "1", "-", "a-b", "1-", "-1", "1-2-3", "٣-1", "9" * 18 + "-1", "9" * 30 + "-1"])
async def test_a_foreign_cursor_is_refused(db: Database, cursor: str) -> None:
    with pytest.raises(InvalidInput):
        await list_page(db, AuditFilter(None), cursor, 10)


async def test_a_long_export_needs_little_memory(db: Database) -> None:
    tenant, count = unique("ten"), 10_000
    await db.fetch(
        "INSERT INTO audit_entry (actor, owner, tenant, action, object_kind, object_id, details)"
        " SELECT 'a', 'a', $1, 'x.y', 'x', n::text, jsonb_build_object('text', repeat('x', 400))"
        " FROM generate_series(1, $2::int) AS n",
        tenant,
        count,
    )
    numbers: list[int] = []
    tracemalloc.start()
    try:
        async for batch in batches(db, AuditFilter(tenant)):
            numbers += [int(view.object_id) for view in batch]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sorted(numbers) == list(range(1, count + 1))
    assert peak < 12 * 1024 * 1024
