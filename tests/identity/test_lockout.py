"""Wrong passwords make the next try wait: per name and address, at once and in turn, known names and unknown."""

import asyncio
import secrets

import pytest

from domain.caller_errors import RateLimited
from services.identity.doors import Doors
from services.identity.lockout import ADDRESS_FREE, FIRST_WAIT_S, LONGEST_WAIT_S, NAME_FREE
from services.identity.log_ins import GrantRefused, NewPassword
from services.identity.session_rows import Client
from services.storage.database import Database
from services.vault.vault import Vault
from tests.identity.passworded import HERE, PASSWORD, doors_of, log_in, make_person


@pytest.fixture
def doors(db: Database, vault: Vault) -> Doors:
    return doors_of(db, vault)


@pytest.fixture
def address() -> str:
    """An address that no other test comes from."""
    return f"2001:db8:{secrets.token_hex(2)}:{secrets.token_hex(2)}::1"


async def fail(doors: Doors, name: str, client: Client = HERE) -> None:
    with pytest.raises(GrantRefused):
        await doors.log_ins.by_password(name, "not the password", client)


async def wait_of(doors: Doors, name: str, client: Client = HERE) -> float:
    with pytest.raises(RateLimited) as limited:
        await doors.log_ins.by_password(name, PASSWORD, client)
    return limited.value.retry_after_s


async def test_name_waits_after_five_failures(db: Database, doors: Doors) -> None:
    """Then not even the right password is looked at."""
    person = await make_person(db)
    for _ in range(NAME_FREE):
        await fail(doors, person.name)
    assert 0 < await wait_of(doors, person.name) <= FIRST_WAIT_S


async def test_unknown_name_waits_the_same(doors: Doors) -> None:
    name = f"nobody-{secrets.token_hex(4)}"
    for _ in range(NAME_FREE):
        await fail(doors, name)
    assert 0 < await wait_of(doors, name) <= FIRST_WAIT_S


async def test_spelling_makes_no_other_name(db: Database, doors: Doors) -> None:
    person = await make_person(db)
    for n in range(NAME_FREE):
        await fail(doors, person.name.upper() if n % 2 else person.name)
    assert await wait_of(doors, person.name) > 0


async def test_wait_doubles_up_to_a_quarter_of_an_hour(db: Database, doors: Doors) -> None:
    person = await make_person(db)
    for _ in range(NAME_FREE):
        await fail(doors, person.name)
    waits = [await wait_of(doors, person.name)]
    for _ in range(9):
        await _wait_over(db, "name:")
        await fail(doors, person.name)
        waits.append(await wait_of(doors, person.name))
    expected = [min(FIRST_WAIT_S * 2**n, LONGEST_WAIT_S) for n in range(10)]
    assert all(want - 2 < wait <= want for wait, want in zip(waits, expected, strict=True))


async def test_tries_while_waiting_do_not_count(db: Database, doors: Doors) -> None:
    person = await make_person(db)
    for _ in range(NAME_FREE):
        await fail(doors, person.name)
    for _ in range(20):
        assert await wait_of(doors, person.name) <= FIRST_WAIT_S
    await _wait_over(db, "name:")
    await log_in(doors, person)


async def test_right_password_forgives(db: Database, doors: Doors) -> None:
    person = await make_person(db)
    for _ in range(3):
        for _ in range(NAME_FREE - 1):
            await fail(doors, person.name)
        await log_in(doors, person)


async def test_time_forgives(db: Database, doors: Doors) -> None:
    person = await make_person(db)
    for _ in range(NAME_FREE - 1):
        await fail(doors, person.name)
    await db.fetch("UPDATE login_failure SET last_at = last_at - interval '3 hours' WHERE subject LIKE 'name:%'")
    for _ in range(NAME_FREE - 1):
        await fail(doors, person.name)
    await log_in(doors, person)


async def test_many_tries_at_once_are_no_way_round(db: Database, vault: Vault, doors: Doors) -> None:
    person = await make_person(db)
    processes = [doors, doors_of(db, vault), doors_of(db, vault)]
    tries = [processes[n % 3].log_ins.by_password(person.name, f"a guessed password {n}", HERE) for n in range(40)]
    answers = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(each, GrantRefused) for each in answers) == NAME_FREE
    assert sum(isinstance(each, RateLimited) for each in answers) == 40 - NAME_FREE


async def test_address_waits_after_many_names(db: Database, doors: Doors, address: str) -> None:
    for _ in range(ADDRESS_FREE):
        await fail(doors, f"name-{secrets.token_hex(4)}", Client(address))
    person = await make_person(db)
    assert await wait_of(doors, person.name, Client(address)) > 0
    assert await wait_of(doors, person.name, Client(address.replace("::1", "::ffff:2"))) > 0
    await log_in(doors, person)


async def test_own_log_ins_do_not_clean_an_address(db: Database, doors: Doors, address: str) -> None:
    own = await make_person(db)
    for left in reversed(range(ADDRESS_FREE // 4)):
        for _ in range(4):
            await fail(doors, f"name-{secrets.token_hex(4)}", Client(address))
        if left:
            await doors.log_ins.by_password(own.name, PASSWORD, Client(address))
    assert await wait_of(doors, own.name, Client(address)) > 0


async def test_right_log_ins_of_a_whole_office_are_not_counted(db: Database, doors: Doors, address: str) -> None:
    people = [await make_person(db) for _ in range(3)]
    for n in range(ADDRESS_FREE + 5):
        await doors.log_ins.by_password(people[n % 3].name, PASSWORD, Client(address))


async def test_loopback_is_no_address(db: Database, doors: Doors) -> None:
    for here in ("127.0.0.1", "::1", "::ffff:127.0.0.1", None, "unix"):
        for _ in range(ADDRESS_FREE // 4):
            await fail(doors, f"name-{secrets.token_hex(4)}", Client(here))
    await log_in(doors, await make_person(db))


async def test_password_change_is_no_way_round(db: Database, doors: Doors) -> None:
    person = await make_person(db)
    for _ in range(NAME_FREE):
        with pytest.raises(GrantRefused):
            await doors.log_ins.change_password(person.name, NewPassword("wrong wrong", "a new password 1"), HERE)
    with pytest.raises(RateLimited):
        await doors.log_ins.change_password(person.name, NewPassword(PASSWORD, "a new password 1"), HERE)


async def test_names_are_not_kept_and_old_rows_go(db: Database, doors: Doors) -> None:
    typed = f"my-password-{secrets.token_hex(4)}"
    await fail(doors, typed)
    rows = await db.fetch("SELECT subject FROM login_failure")
    assert typed not in str([row["subject"] for row in rows])
    await db.fetch("UPDATE login_failure SET last_at = now() - interval '2 days'")
    for _ in range(len(rows) // 20 + 1):
        await fail(doors, f"other-{secrets.token_hex(4)}")
    assert not await db.fetch("SELECT FROM login_failure WHERE last_at < now() - interval '1 day'")


async def test_sessions_go_on_while_their_name_waits(db: Database, doors: Doors) -> None:
    person = await make_person(db)
    granted = await log_in(doors, person)
    for _ in range(NAME_FREE):
        await fail(doors, person.name)
    await doors.log_ins.by_refresh(granted.refresh_token, HERE)


async def _wait_over(db: Database, kind: str) -> None:
    await db.fetch("UPDATE login_failure SET locked_until = now() WHERE subject LIKE $1", f"{kind}%")
