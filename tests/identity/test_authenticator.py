import asyncio
import contextlib
import tempfile
from pathlib import Path
from time import monotonic

import pytest

from domain.caller import Caller
from domain.caller_errors import Forbidden, Unauthenticated
from domain.errors import Unavailable
from domain.grants import GrantKind
from domain.permissions import MEMBER, Permission
from services.identity import api_keys, tenants, users
from services.identity.authenticator import Authenticator
from services.identity.tokens import Claims
from services.storage.database import Database
from tests.identity.people import People
from tests.storage.cable import Cable

WITHIN_S = 5.0


async def test_a_key_is_its_users(people: People) -> None:
    user = await people.user()
    key, secret = await people.key(user.id)
    caller = await people.caller(secret)
    assert (caller.owner, caller.by, caller.key_id, caller.tenant) == (user.id, user.id, key.id, "default")
    assert caller.permissions == MEMBER
    assert caller.wallet == "default"
    assert caller.grants.allow(GrantKind.MODEL, "any-model")


def _wrong(secret: str) -> list[str]:
    """Return texts that are near a key and none."""
    return [
        "",
        f"{secret} ",
        f"{secret}\n",
        secret[:-1],
        secret[:-1] + ("A" if secret[-1] != "A" else "B"),
        secret.upper(),
        secret.replace("lh_", "sk_"),
        f"lh_{'0' * 16}{secret[19:]}",
        "x" * 10_000_000,
        f"{secret}\x00",
        secret.replace("l", "\u217c"),
        "a.b.c",
        "..",
    ]


async def test_what_is_no_key_is_refused_with_one_text(people: People) -> None:
    _, secret = await people.key()
    for wrong in _wrong(secret):
        with pytest.raises(Unauthenticated) as caught:
            await people.caller(wrong)
        assert str(caught.value) == "the key or token is not valid"
        assert secret not in repr(caught.value)


async def _refused_within(who: Authenticator, secret: str) -> float:
    began = monotonic()
    while monotonic() - began < WITHIN_S:
        with contextlib.suppress(Forbidden):
            try:
                await who.caller(secret, None)
            except Unauthenticated:
                return monotonic() - began
        await asyncio.sleep(0.05)
    pytest.fail("the credential is still good")


async def test_what_is_taken_out_of_use_is_refused_in_other_processes_within_5_s(people: People) -> None:
    tenant = await people.tenant()
    ids = [(await people.user(["admin"], tenant.id)).id for _ in range(4)]
    keys = [await people.key(id_) for id_ in ids]
    elsewhere = people.process()
    for _, secret in keys:
        await elsewhere.caller(secret, None)
    async with people.edit() as edit:
        await api_keys.switch(edit, keys[0][0].id, disabled=True, expected=None)
        await api_keys.revoke(edit, keys[1][0].id, None)
        await users.switch(edit, ids[2], disabled=True, expected=None)
    await asyncio.gather(*(_refused_within(elsewhere, secret) for _, secret in keys[:3]))
    assert (await elsewhere.caller(keys[3][1], None)).owner == ids[3]
    async with people.edit() as edit:
        await tenants.switch(edit, tenant.id, disabled=True, expected=None)
    await _refused_within(elsewhere, keys[3][1])


async def test_a_key_in_use_again_is_good_again(people: People) -> None:
    key, secret = await people.key()
    for disabled in (True, False):
        async with people.edit() as edit:
            await api_keys.switch(edit, key.id, disabled=disabled, expected=None)
    assert (await people.caller(secret)).key_id == key.id


async def test_a_warm_check_makes_no_statement(people: People, identity_url: str, state_dir: Path) -> None:
    _, secret = await people.key()
    cable = Cable(identity_url, Path(tempfile.mkdtemp(prefix="c", dir=state_dir)))
    await cable.mend()
    db = Database(cable.url)
    who = Authenticator(db, people.vault, known_s=60)
    await who.caller(secret, None)
    await cable.cut()
    assert (await who.caller(secret, None)).owner == "local"
    with pytest.raises(Unavailable):
        await who.caller("lh_" + "0" * 16 + secret[19:], None)
    await who.close()
    await db.close()


@pytest.mark.parametrize(
    ("networks", "address", "good"),
    [
        (["10.0.0.0/8"], "10.1.2.3", True),
        (["10.0.0.0/8"], "11.1.2.3", False),
        (["10.0.0.0/8"], "::ffff:10.1.2.3", True),
        (["10.0.0.0/8"], None, False),
        (["10.0.0.0/8"], "testclient", False),
        (["2001:db8::/32", "192.0.2.7"], "192.0.2.7", True),
        (["2001:db8::/32", "192.0.2.7"], "2001:db8::1", True),
        (["2001:db8::/32", "192.0.2.7"], "2001:db9::1", False),
        ([], None, True),
    ],
)
async def test_a_key_is_good_from_its_networks_only(
    people: People, networks: list[str], address: str | None, good: bool
) -> None:
    _, secret = await people.key(networks=networks)
    if good:
        assert (await people.caller(secret, address)).owner == "local"
        return
    with pytest.raises(Forbidden):
        await people.caller(secret, address)


async def test_a_key_expires_also_where_it_is_known(people: People) -> None:
    key, secret = await people.key()
    await people.db.fetch("UPDATE api_key SET expires_at = clock_timestamp() + interval '0.3 s' WHERE id = $1", key.id)
    who = people.process(known_s=60)
    await who.caller(secret, None)
    assert await _refused_within(who, secret) < 2


async def test_last_use_is_noted_beside_the_call_and_once_a_minute(people: People) -> None:
    key, secret = await people.key()
    who = people.process()
    await who.caller(secret, None)
    await who.close()
    first = await _last_used(people, key.id)
    assert first is not None
    again = people.process()
    await again.caller(secret, None)
    await again.close()
    assert await _last_used(people, key.id) == first


async def _last_used(people: People, key_id: str) -> object:
    (row,) = await people.db.fetch("SELECT last_used_at FROM api_key WHERE id = $1", key_id)
    return row["last_used_at"]


async def test_acting_for_another_gives_what_both_may(people: People) -> None:
    await _role(people, "agent", [Permission.ACT_AS, Permission.REQUESTS_CREATE, Permission.AUDIT_READ])
    agent, user = await people.user(["agent"]), await people.user(["member"])
    await people.db.fetch(
        "INSERT INTO access_grant (id, tenant, subject_kind, subject, kind, pattern) "
        "VALUES ($1, 'default', 'user', $2, 'model', 'small-*')",
        f"grt_{agent.id[4:]}",
        agent.id,
    )
    _, secret = await people.key(agent.id)
    caller = await people.caller(secret, act_as=user.id)
    assert (caller.owner, caller.by) == (user.id, agent.id)
    assert caller.permissions == {Permission.REQUESTS_CREATE}
    assert caller.grants.allow(GrantKind.MODEL, "small-1")
    assert not caller.grants.allow(GrantKind.MODEL, "large-1")
    assert not caller.grants.allow(GrantKind.TOOL, "jira/search")


async def test_a_log_in_acts_for_nobody_who_may_use_more(people: People) -> None:
    """The work that it starts would have all that the other has: with which log-in it was asked for is not kept."""
    await _role(people, "narrow-agent", [Permission.ACT_AS, Permission.REQUESTS_CREATE])
    agent, wide, narrow = [await people.user([role]) for role in ("narrow-agent", "member", "narrow-agent")]
    session_id = f"ses_{agent.id[4:]}"
    await people.db.fetch(
        "INSERT INTO user_session (id, user_id, method, expires_at)"
        " VALUES ($1, $2, 'password', clock_timestamp() + interval '1 day')",
        session_id,
        agent.id,
    )
    who = people.process(tokens=_Tokens(agent.id, session_id))
    with pytest.raises(Forbidden):
        await who.caller("a.b.c", None, wide.id)
    assert (await who.caller("a.b.c", None, narrow.id)).owner == narrow.id


async def _role(people: People, name: str, permissions: list[Permission]) -> None:
    await people.db.fetch(
        "INSERT INTO role (tenant, name, description, permissions, revision) VALUES ('default', $1, '', $2, 1)"
        " ON CONFLICT DO NOTHING",
        name,
        [permission.value for permission in permissions],
    )


async def test_nobody_acts_without_the_permission_or_across_tenants(people: People) -> None:
    tenant = await people.tenant()
    stranger, friend = await people.user(["member"], tenant.id), await people.user()
    _, of_member = await people.key(friend.id)
    _, of_admin = await people.key()
    for secret, act_as in [
        (of_member, "local"),
        (of_admin, stranger.id),
        (of_admin, "usr_none"),
        (of_admin, ""),
        (of_admin, "\x00"),
        (of_admin, "x" * 100_000),
    ]:
        with pytest.raises(Forbidden):
            await people.caller(secret, act_as=act_as)
    assert (await people.caller(of_member, act_as=friend.id)).owner == friend.id


class _Tokens:
    """Says of every token that it is of one session."""

    def __init__(self, user_id: str, session_id: str) -> None:
        self._claims = Claims(user_id, session_id, "jti", 2**31)

    async def verify(self, token: str) -> Claims:
        assert token
        return self._claims


async def test_a_token_is_as_good_as_its_session(people: People) -> None:
    user = await people.user()
    session_id = f"ses_{user.id[4:]}"
    await people.db.fetch(
        "INSERT INTO user_session (id, user_id, method, expires_at)"
        " VALUES ($1, $2, 'password', clock_timestamp() + interval '1 day')",
        session_id,
        user.id,
    )
    who = people.process(tokens=_Tokens(user.id, session_id))
    caller = await who.caller("a.b.c", None)
    assert (caller.owner, caller.key_id) == (user.id, None)
    another = people.process(tokens=_Tokens("local", session_id))
    with pytest.raises(Unauthenticated):
        await another.caller("a.b.c", None)
    async with people.edit() as edit:
        await users.switch(edit, user.id, disabled=True, expected=None)
    await _refused_within(who, "a.b.c")


async def test_many_calls_at_once_look_a_key_up_once(people: People) -> None:
    _, secret = await people.key()
    who = people.process()
    callers: list[Caller] = await asyncio.gather(*(who.caller(secret, None) for _ in range(200)))
    assert {caller.owner for caller in callers} == {"local"}
