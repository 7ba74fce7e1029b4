import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from domain.caller import Caller
from domain.caller_errors import Forbidden, Unauthenticated
from domain.errors import Conflict, InvalidInput, NotFound
from domain.grants import GrantKind
from domain.permissions import MEMBER, Permission
from domain.revisions import StaleRevision
from services.identity import api_keys, key_rows
from services.identity.key_bounds import KeyFields
from services.identity.key_rotation import Rotated, Rotation, rotate
from services.identity.pepper import Pepper
from tests.identity.people import People

TOMORROW = datetime.now(UTC) + timedelta(days=1)
NEXT_WEEK = datetime.now(UTC) + timedelta(days=7)


async def _rotate(people: People, key_id: str, caller: Caller | None = None, **rotation: Any) -> Rotated:
    wanted = Rotation.model_validate({"generation": 1, **rotation})
    async with people.edit(*(() if caller is None else (caller,))) as edit:
        return await rotate(edit, Pepper(people.db, people.vault), key_id, wanted)


async def test_both_secrets_are_good_during_the_grace(people: People) -> None:
    key, old = await people.key()
    rotated = await _rotate(people, key.id, grace_s=60)
    assert rotated.secret is not None
    assert {(await people.caller(secret)).key_id for secret in (old, rotated.secret)} == {key.id}
    assert [each.generation for each in rotated.key.secrets] == [1, 2]
    await people.db.fetch("UPDATE api_key_secret SET expires_at = now() WHERE key_id = $1 AND generation = 1", key.id)
    with pytest.raises(Unauthenticated):
        await people.caller(old)
    assert (await people.caller(rotated.secret)).key_id == key.id


async def test_the_grace_ends_also_where_the_key_is_known(people: People) -> None:
    key, old = await people.key()
    who = people.process(known_s=60)
    await _rotate(people, key.id, grace_s=1)
    await who.caller(old, None)
    async with asyncio.timeout(10):
        while True:
            try:
                await who.caller(old, None)
            except Unauthenticated:
                return
            await asyncio.sleep(0.05)


async def test_a_new_secret_is_good_at_once_where_the_key_is_known(people: People) -> None:
    key, old = await people.key()
    who = people.process(known_s=60)
    await who.caller(old, None)
    rotated = await _rotate(people, key.id)
    assert (await who.caller(rotated.secret or "", None)).key_id == key.id
    with pytest.raises(Unauthenticated):
        await who.caller(f"{old[:-1]}{'A' if old[-1] != 'A' else 'B'}", None)


async def test_without_grace_the_old_secrets_are_void_at_once(people: People) -> None:
    key, first = await people.key()
    second = (await _rotate(people, key.id, grace_s=3600)).secret
    await _rotate(people, key.id, generation=2, grace_s=0)
    for secret in (first, second):
        with pytest.raises(Unauthenticated):
            await people.caller(secret or "")


async def test_of_several_rotations_at_once_one_wins(people: People) -> None:
    key, _ = await people.key()
    ends = await asyncio.gather(*(_rotate(people, key.id) for _ in range(8)), return_exceptions=True)
    assert sum(isinstance(end, Rotated) for end in ends) == 1
    assert sum(isinstance(end, Conflict) for end in ends) == 7
    assert len((await key_rows.view(people.db, key.id)).secrets) == 2


async def test_a_rotation_whose_answer_was_lost_makes_no_third_secret(people: People) -> None:
    key, old = await people.key()
    ends = await asyncio.gather(*(_rotate(people, key.id, rotation_id="r-1") for _ in range(6)))
    made = [end.secret for end in ends if end.secret is not None]
    assert len(made) == 1
    assert all(end.key.generation == 2 for end in ends)
    again = await _rotate(people, key.id, rotation_id="r-1")
    assert (again.secret, again.key.generation, len(again.key.secrets)) == (None, 2, 2)
    rescued = await _rotate(people, key.id, generation=2, rotation_id="r-2")
    assert {(await people.caller(secret or "")).key_id for secret in (old, rescued.secret)} == {key.id}


async def test_the_grace_of_an_older_secret_is_never_longer_by_a_further_rotation(people: People) -> None:
    key, _ = await people.key()
    await _rotate(people, key.id, grace_s=60)
    ends = (await _rotate(people, key.id, generation=2, grace_s=3600)).key.secrets
    first, second, third = ends
    assert first.expires_at is not None
    assert second.expires_at is not None
    assert second.expires_at - first.expires_at > timedelta(minutes=50)
    assert third.expires_at is None


async def test_secrets_in_their_grace_are_few(people: People) -> None:
    key, _ = await people.key()
    for generation in range(1, 5):
        await _rotate(people, key.id, generation=generation)
    with pytest.raises(Conflict):
        await _rotate(people, key.id, generation=5)
    assert (await _rotate(people, key.id, generation=5, grace_s=0)).secret is not None


async def test_a_rotation_must_know_the_newest_secret(people: People) -> None:
    key, _ = await people.key()
    with pytest.raises(InvalidInput):
        await _rotate(people, key.id, generation=2)
    async with people.edit() as edit:
        await api_keys.switch(edit, key.id, disabled=True, expected=None)
    with pytest.raises(Conflict):
        await _rotate(people, key.id)


async def _narrow(people: People, **fields: Any) -> tuple[str, Caller]:
    """Return a user with a narrow key, and the caller that it makes."""
    user = await people.user()
    _, secret = await people.key(user.id, **fields)
    return user.id, await people.caller(secret, "10.0.0.1")


async def test_a_key_narrows_and_never_widens(people: People) -> None:
    user = await people.user()
    _, secret = await people.key(user.id, permissions=["requests.read", "users.write"], grants={"model": ["gpt-*"]})
    caller = await people.caller(secret)
    assert caller.permissions == {Permission.REQUESTS_READ}
    assert caller.grants.allow(GrantKind.MODEL, "gpt-4o")
    assert not caller.grants.allow(GrantKind.MODEL, "claude")
    assert caller.grants.allow(GrantKind.TOOL, "jira/search")


async def test_a_key_made_with_a_narrow_key_is_as_narrow(people: People) -> None:
    user_id, caller = await _narrow(
        people,
        permissions=["keys.own", "calls.create"],
        grants={"model": ["gpt-*"]},
        networks=["10.0.0.0/8"],
        expires_at=TOMORROW,
    )
    key, secret = await people.key(user_id, caller)
    made = await people.caller(secret, "10.9.9.9")
    assert made.permissions == {Permission.KEYS_OWN, Permission.CALLS_CREATE}
    assert not made.grants.allow(GrantKind.MODEL, "claude")
    assert made.grants.allow(GrantKind.MODEL, "gpt-4o")
    assert key.expires_at == TOMORROW
    with pytest.raises(Forbidden):
        await people.caller(secret, "192.0.2.1")
    narrower, _ = await people.key(user_id, caller, networks=["10.1.0.0/16"], grants={"model": ["gpt-4*"]})
    assert narrower.networks == ("10.1.0.0/16",)


@pytest.mark.parametrize(
    "wider",
    [
        {"permissions": ["calls.create", "requests.read"]},
        {"grants": {"model": ["*"]}},
        {"grants": {"model": ["gpt?*"]}},
        {"grants": {"model": ["g*"]}},
        {"networks": ["0.0.0.0/0"]},
        {"networks": ["10.1.0.0/16", "::/0"]},
        {"expires_at": NEXT_WEEK},
        {"wallet": "another"},
    ],
)
async def test_a_key_made_with_a_narrow_key_is_no_wider(people: People, wider: dict[str, Any]) -> None:
    user_id, caller = await _narrow(
        people,
        permissions=["keys.own", "calls.create"],
        grants={"model": ["gpt-*"], "wallet": ["default"]},
        networks=["10.0.0.0/8"],
        expires_at=TOMORROW,
    )
    with pytest.raises(Forbidden):
        await people.key(user_id, caller, **wider)
    own = caller.key_id or ""
    with pytest.raises(Forbidden):
        async with people.edit(caller) as edit:
            await api_keys.replace(edit, own, KeyFields.model_validate({"name": "wider", **wider}), None)


async def test_a_narrow_key_gets_no_secret_of_a_wider_one(people: People) -> None:
    user_id, caller = await _narrow(people, permissions=["keys.own"])
    wide, _ = await people.key(user_id)
    with pytest.raises(Forbidden):
        await _rotate(people, wide.id, caller)
    async with people.edit(caller) as edit:
        await api_keys.switch(edit, wide.id, disabled=True, expected=None)
        with pytest.raises(Forbidden):
            await api_keys.switch(edit, wide.id, disabled=False, expected=None)
    own = await _rotate(people, caller.key_id or "", caller)
    assert own.secret is not None
    for fields in ({"grants": {"model": ["a*"]}}, {"networks": ["10.0.0.0/8"]}, {"expires_at": TOMORROW}):
        narrow_id, narrow = await _narrow(people, **fields)
        other, _ = await people.key(narrow_id)
        with pytest.raises(Forbidden):
            await _rotate(people, other.id, narrow)


async def test_a_key_for_another_has_no_more_than_its_maker(people: People) -> None:
    await people.db.fetch(
        "INSERT INTO role (tenant, name, description, permissions, revision)"
        " VALUES ('default', 'keymaker', '', $1, 1) ON CONFLICT DO NOTHING",
        ["keys.own", "keys.write", "requests.read"],
    )
    maker = await people.user(["keymaker"])
    _, secret = await people.key(maker.id)
    caller = await people.caller(secret)
    _, made = await people.key("local", caller)
    found = await people.caller(made)
    assert (found.owner, found.permissions) == ("local", caller.permissions)
    assert not found.grants.allow(GrantKind.MODEL, "any"), "a custom role is granted nothing by itself"
    admins, _ = await people.key("local")
    with pytest.raises(Forbidden):
        await _rotate(people, admins.id, caller)


async def test_others_keys_are_not_there_for_who_may_not_see_them(people: People) -> None:
    tenant = await people.tenant()
    mine, theirs = await people.user(), await people.user()
    far_admin = await people.user(["admin"], tenant.id)
    key, _ = await people.key(theirs.id)
    for user_id in (mine.id, far_admin.id):
        _, secret = await people.key(user_id)
        caller = await people.caller(secret)
        with pytest.raises(NotFound):
            await api_keys.seen(people.db, caller, key.id)
        with pytest.raises(NotFound):
            await people.key(theirs.id, caller)
        async with people.edit(caller) as edit:
            with pytest.raises(NotFound):
                await api_keys.revoke(edit, key.id, None)
    assert (await api_keys.seen(people.db, Caller(theirs.id, permissions=MEMBER), key.id)).id == key.id


async def test_a_revoked_key_stays_revoked(people: People) -> None:
    key, _ = await people.key()
    async with people.edit() as edit:
        await api_keys.revoke(edit, key.id, key.revision)
    for again in (True, False):
        with pytest.raises(Conflict):
            async with people.edit() as edit:
                await api_keys.switch(edit, key.id, disabled=again, expected=None)
    found, _ = await key_rows.page_of_user(people.db, "local", None, 500)
    assert key.id not in {each.id for each in found}
    assert (await key_rows.view(people.db, key.id)).revoked_at is not None


async def test_a_change_of_another_revision_is_refused(people: People) -> None:
    key, _ = await people.key()
    with pytest.raises(StaleRevision):
        async with people.edit() as edit:
            await api_keys.switch(edit, key.id, disabled=True, expected=key.revision + 1)


async def test_a_key_charges_only_a_wallet_of_its_tenant(people: People) -> None:
    with pytest.raises(InvalidInput):
        await people.key(wallet="nobodys-wallet")
    tenant = await people.tenant()
    user = await people.user(["admin"], tenant.id)
    with pytest.raises(InvalidInput):
        await people.key(user.id, wallet="default")


@pytest.mark.parametrize(
    "fields",
    [
        {"permissions": ["everything"]},
        {"permissions": ["calls.create"] * 1000},
        {"grants": {"model": []}},
        {"grants": {"model": ["[a-z]"]}},
        {"grants": {"model": ["x" * 201]}},
        {"grants": {"model": ["a"] * 201}},
        {"grants": {"secret": ["*"]}},
        {"networks": ["10.0.0.1/8"]},
        {"networks": ["10.0.0.0/8"] * 101},
        {"networks": ["everywhere"]},
        {"networks": ["1" * 100_000]},
        {"expires_at": "2026-01-01T00:00:00"},
        {"name": ""},
        {"name": "x" * 101},
        {"name": "a\x00b"},
        {"tenant": "default"},
        {"digest": "00"},
        {"disabled": False},
    ],
)
def test_what_is_no_key_is_refused_by_its_shape(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        KeyFields.model_validate({"name": "a key", **fields})


async def test_a_key_that_is_over_is_not_made(people: People) -> None:
    with pytest.raises(InvalidInput):
        await people.key(expires_at=datetime.now(UTC) - timedelta(seconds=10))
