"""Log-ins go by the live settings: how long a token lives, and how wrong passwords are met."""

import pytest

from domain.caller_errors import RateLimited
from domain.live_settings import LiveValues
from services.identity.log_ins import GrantRefused
from services.storage.database import Database
from services.vault.vault import Vault
from tests.identity.passworded import HERE, PASSWORD, doors_of, log_in, make_person


async def test_tokens_that_are_issued_now_live_as_long_as_the_settings_say(db: Database, vault: Vault) -> None:
    doors, person = doors_of(db, vault), await make_person(db)
    before = await log_in(doors, person)
    await doors.hear(LiveValues(access_token_s=60))
    now = await log_in(doors, person)
    assert (before.expires_in, now.expires_in) == (600, 60)
    first, second = await doors.tokens.verify(before.access_token), await doors.tokens.verify(now.access_token)
    assert 500 < first.expires_at - second.expires_at <= 540


async def test_wrong_passwords_are_met_as_the_settings_say(db: Database, vault: Vault) -> None:
    doors, person = doors_of(db, vault), await make_person(db)
    await doors.hear(LiveValues(login_free_tries=2, login_longest_wait_s=3))
    for _ in range(2):
        with pytest.raises(GrantRefused):
            await doors.log_ins.by_password(person.name, "not the password", HERE)
    with pytest.raises(RateLimited) as limited:
        await doors.log_ins.by_password(person.name, PASSWORD, HERE)
    assert 0 < limited.value.retry_after_s <= 3
