"""Whatever is wrong with a token, the answer is the same: Unauthenticated, with the same words, at every door."""

import time

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from domain.caller_errors import Unauthenticated
from services.identity.authenticator import Authenticator
from services.identity.doors import Doors
from services.identity.token_form import NOT_VALID
from services.storage.database import Database
from services.vault.vault import Vault
from tests.identity.forging import ABSENT, DAY_S, FORGERIES, Forge, Mint
from tests.identity.passworded import Clock, doors_of, log_in, make_person


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def doors(db: Database, vault: Vault, clock: Clock) -> Doors:
    return doors_of(db, vault, clock)


@pytest.fixture
def authenticator(db: Database, vault: Vault, doors: Doors) -> Authenticator:
    return Authenticator(db, vault, tokens=doors.tokens)


@pytest_asyncio.fixture
async def mint(db: Database, doors: Doors) -> Mint:
    person = await make_person(db)
    granted = await log_in(doors, person)
    return Mint(await doors.keys.signing(), person.id, granted.session_id, int(time.time()))


def test_there_are_enough() -> None:
    assert len(FORGERIES) >= 100


async def test_the_pattern_of_all_forgeries_is_right(mint: Mint, authenticator: Authenticator) -> None:
    caller = await authenticator.caller(mint.token(), None)
    assert caller.owner == mint.user_id
    assert caller.key_id is None


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES.keys())
async def test_forgery_is_refused(forge: Forge, mint: Mint, authenticator: Authenticator) -> None:
    with pytest.raises(Unauthenticated) as refused:
        await authenticator.caller(forge(mint), None)
    assert str(refused.value) == NOT_VALID


async def test_refresh_token_opens_nothing(db: Database, doors: Doors, authenticator: Authenticator) -> None:
    granted = await log_in(doors, await make_person(db))
    with pytest.raises(Unauthenticated):
        await authenticator.caller(granted.refresh_token, None)
    with pytest.raises(Unauthenticated):
        await doors.tokens.verify(granted.refresh_token)


@pytest.mark.parametrize("ahead_s", [-29, 0, 599, 628])
async def test_clock_may_be_half_a_minute_off(ahead_s: int, mint: Mint, doors: Doors, clock: Clock) -> None:
    """A process whose clock is late sees tokens from its future; one whose clock is early sees them expired."""
    clock.ahead_s = ahead_s
    assert (await doors.tokens.verify(mint.token())).user_id == mint.user_id


@pytest.mark.parametrize("ahead_s", [-DAY_S, -35, 635, DAY_S])
async def test_clock_may_not_be_a_day_off(ahead_s: int, mint: Mint, doors: Doors, clock: Clock) -> None:
    clock.ahead_s = ahead_s
    with pytest.raises(Unauthenticated):
        await doors.tokens.verify(mint.token())


async def test_token_of_another_installation_is_refused(db: Database, vault: Vault, mint: Mint, doors: Doors) -> None:
    """Its kid is the same, its key is not."""
    with pytest.raises(Unauthenticated):
        await doors.tokens.verify(mint.token(key=Ed25519PrivateKey.generate()))
    assert (await doors_of(db, vault).tokens.verify(mint.token())).session_id == mint.session_id


async def test_claims_are_all_needed(mint: Mint, doors: Doors) -> None:
    for name in mint.claims():
        with pytest.raises(Unauthenticated):
            await doors.tokens.verify(mint.token(claims=mint.claims(**{name: ABSENT})))
