import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.content import INLINE_LIMIT, RESULT_LIMIT, Text
from domain.errors import NotFound
from services.storage import blobs
from services.storage.database import Database


async def _round_trip(db: Database, text: str) -> tuple[Text, str]:
    async with db.transaction() as tx:
        stored = await blobs.put(tx, text)
        return stored, await blobs.load(tx, stored)


async def test_a_short_text_travels_inline(db: Database) -> None:
    assert await _round_trip(db, "héllo") == (Text(text="héllo", size=6), "héllo")


@pytest.mark.parametrize("text", ["a" * INLINE_LIMIT, "é" * (INLINE_LIMIT // 2), ""])
async def test_the_limit_counts_bytes(db: Database, text: str) -> None:
    assert (await _round_trip(db, text))[0].ref is None
    assert (await _round_trip(db, text + "x" * (INLINE_LIMIT + 1)))[0].text is None


async def test_a_long_text_with_nul_comes_back_exactly(db: Database) -> None:
    text = ("a\0b🙂" * RESULT_LIMIT)[: RESULT_LIMIT // 2]
    stored, loaded = await _round_trip(db, text)
    assert loaded == text
    assert stored.ref is not None
    assert stored.size == len(text.encode())


async def test_a_short_text_with_nul_is_stored_for_json_cannot_carry_it(db: Database) -> None:
    stored, loaded = await _round_trip(db, "a\0b")
    assert (stored.text, loaded) == (None, "a\0b")


async def test_the_same_text_is_stored_once(db: Database) -> None:
    text = "twice" * 1000
    assert await _round_trip(db, text) == await _round_trip(db, text)
    async with db.transaction() as tx:
        assert await tx.driver.fetchval("SELECT count(*) FROM blob WHERE body = $1", text.encode()) == 1


async def test_many_are_put_and_loaded_together(db: Database) -> None:
    texts = {"a": "short", "b": "b" * 5000, "c": "c" * 5000, "d": "b" * 5000}
    async with db.transaction() as tx:
        stored = await blobs.put_many(tx, texts)
        assert await blobs.load_many(tx, stored) == texts
        assert stored["b"].ref == stored["d"].ref


async def test_nothing_to_load_is_nothing(db: Database) -> None:
    async with db.transaction() as tx:
        assert await blobs.load_many(tx, {}) == {}


@pytest.mark.parametrize("text", [Text(ref="sha256:00", size=9), Text(size=0)])
async def test_a_missing_blob_is_not_found(db: Database, text: Text) -> None:
    async with db.transaction() as tx:
        with pytest.raises(NotFound):
            await blobs.load(tx, text)


async def test_a_lone_surrogate_is_replaced(db: Database) -> None:
    assert (await _round_trip(db, "a\ud83db"))[1] == "a\ufffdb"


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(min_size=0, max_size=3000))
async def test_any_text_comes_back(db: Database, text: str) -> None:
    assert (await _round_trip(db, text))[1] == text
