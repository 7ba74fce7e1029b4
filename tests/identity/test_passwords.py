"""Passwords: what may be set, what is never hashed, and that nothing tells who exists."""

import asyncio
import time
import tracemalloc

import pytest
from argon2 import extract_parameters

from domain.errors import Unavailable
from services.identity.passwords import MOST_BYTES, PasswordRefused, Passwords, is_too_long, password_hasher
from tests.identity.passworded import FAST, PASSWORD


@pytest.fixture
def passwords() -> Passwords:
    return Passwords(FAST)


async def test_right_password_is_told_from_a_wrong_one(passwords: Passwords) -> None:
    stored = await passwords.hash(PASSWORD)
    assert stored.startswith("$argon2id$")
    assert (await passwords.check(PASSWORD, stored)).right
    assert not (await passwords.check(PASSWORD + " ", stored)).right
    assert await passwords.hash(PASSWORD) != stored


@pytest.mark.parametrize(
    "password",
    [
        "",
        "short",
        "elevenchars",
        "aaaaaaaaaaaaaaaa",
        "ababababababab",
        "a" * (MOST_BYTES + 1),
        "ü" * 600,
        "x" * 20 + "\ud800",
    ],
)
async def test_weak_and_long_passwords_may_not_be_set(passwords: Passwords, password: str) -> None:
    with pytest.raises(PasswordRefused):
        await passwords.hash(password)


async def test_name_is_no_password(passwords: Passwords) -> None:
    with pytest.raises(PasswordRefused):
        await passwords.hash("Ada.Lovelace@Example", "ada.lovelace@example")


async def test_longest_password_is_taken(passwords: Passwords) -> None:
    longest = ("abcdefgh" * 128)[:MOST_BYTES]
    assert (await passwords.check(longest, await passwords.hash(longest))).right


async def test_megabyte_is_refused_before_hashing() -> None:
    """No memory and no time is spent on it: the hasher here would take a second."""
    slow, huge = Passwords(password_hasher(memory_kib=64 * 1024, passes=20)), "x" * 1_000_000
    tracemalloc.start()
    began = time.monotonic()
    checked = await slow.check(huge, None)
    with pytest.raises(PasswordRefused):
        await slow.hash(huge)
    took, (_, peak) = time.monotonic() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert not checked.right
    assert took < 0.1
    assert peak < 500_000


def test_length_is_of_bytes() -> None:
    assert is_too_long("€" * 342)
    assert not is_too_long("€" * 341)


async def test_same_letters_typed_otherwise_are_the_same(passwords: Passwords) -> None:
    stored = await passwords.hash("pässword für alle")
    assert (await passwords.check("pa\u0308ssword fu\u0308r alle", stored)).right


async def test_old_parameters_are_renewed_by_a_right_password(passwords: Passwords) -> None:
    stored = await Passwords(password_hasher(memory_kib=32, passes=1)).hash(PASSWORD)
    assert (await passwords.check("wrong password indeed", stored)).renewed is None
    renewed = (await passwords.check(PASSWORD, stored)).renewed
    assert renewed is not None
    assert extract_parameters(renewed).memory_cost == 64
    assert (await passwords.check(PASSWORD, renewed)).renewed is None


@pytest.mark.parametrize("stored", [None, "", "$argon2id$", "plain text", "$2b$12$abcdefghijklmnopqrstuv"])
async def test_nobodys_password_is_right(passwords: Passwords, stored: str | None) -> None:
    assert not (await passwords.check(PASSWORD, stored)).right


async def test_unknown_users_take_as_long_as_known_ones() -> None:
    passwords = Passwords(password_hasher(memory_kib=16 * 1024, passes=2))
    stored = await passwords.hash(PASSWORD)
    known = min([await _took(passwords, stored) for _ in range(5)])
    unknown = min([await _took(passwords, None) for _ in range(5)])
    assert unknown > known / 3


async def test_only_so_many_are_hashed_and_wait() -> None:
    passwords = Passwords(password_hasher(memory_kib=8 * 1024, passes=2), at_once=1, waiting=2)
    asked = [asyncio.create_task(passwords.check(PASSWORD, None)) for _ in range(8)]
    done = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(isinstance(each, Unavailable) for each in done) == 5
    assert not (await passwords.check(PASSWORD, None)).right


async def _took(passwords: Passwords, stored: str | None) -> float:
    began = time.perf_counter()
    await passwords.check("not the password", stored)
    return time.perf_counter() - began
