import asyncio
from typing import Any

import pytest
from pydantic import ValidationError

from domain.caller import Caller
from domain.caller_errors import Forbidden
from domain.errors import Conflict, InvalidInput, NotFound
from domain.grants import GrantKind
from domain.permissions import ROLES, Permission
from domain.revisions import StaleRevision
from services.identity import grants, roles, tenants, user_passwords, users
from services.identity.grants import GrantFilter, NewGrant, SubjectKind
from services.identity.guards import tenant_for
from services.identity.roles import NewRole, RoleFields
from services.identity.tenants import NewTenant, TenantFields
from services.identity.users import NewUser, UserFields
from tests.identity.people import People, a_name

P = Permission


async def _caller(people: People, user_id: str) -> Caller:
    _, secret = await people.key(user_id)
    return await people.caller(secret)


async def _create(people: People, name: str) -> users.UserView:
    async with people.edit() as edit:
        return await users.create(edit, "default", NewUser(name=name))


@pytest.mark.parametrize(
    ("taken", "alike"),
    [
        ("paypal-{}", "PayPal-{}"),
        ("paypal-{}", "paypa1-{}"),
        ("support-{}", "supp0rt-{}"),
        ("modern-{}", "modem-{}"),
        ("\u0441\u043e\u0440-{}".replace("-{}", ""), "cop"),
        ("\u03bf\u03bd\u03bf", "ovo"),
        ("jos\u00e9-{}", "jose-{}"),
        ("\uff41\uff44\uff41-{}", "ada-{}"),
        ("stra\u00dfe-{}", "strasse-{}"),
    ],
)
async def test_names_that_look_alike_cannot_both_be_taken(people: People, taken: str, alike: str) -> None:
    tag = a_name()
    await _create(people, taken.format(tag))
    with pytest.raises(Conflict) as caught:
        await _create(people, alike.format(tag))
    assert caught.value.problems[0].code == "duplicate_name"


@pytest.mark.parametrize(
    "name",
    [
        "a\u200bda",
        "a\u200dda",
        "\u2066ada\u2069",
        "ada\ufeff",
        "a da",
        "ada\n",
        "a\x00da",
        "\u0430da",
        "pay\u0440al",
        "\u13aa\u13a0",
        ".ada",
        "a/b",
        "<ada>",
        "a\u0301\u0301\u0301\u0301",
        "\U0001f600",
        "a" * 65,
        "\ufdfa" * 20,
        "\u3164",
        "a\u034fb",
    ],
)
async def test_a_name_that_cannot_be_told_apart_is_refused(people: People, name: str) -> None:
    with pytest.raises(InvalidInput):
        await _create(people, name)


async def test_a_new_user_is_a_member_of_one_tenant(people: People) -> None:
    tenant = await people.tenant()
    async with people.edit() as edit:
        made = await users.create(edit, tenant.id, NewUser(name=a_name().upper()))
    assert (made.tenant, made.roles, made.disabled, made.name) == (tenant.id, ("member",), False, made.name.casefold())
    for unknown in ("ten_none", ""):
        with pytest.raises(InvalidInput):
            async with people.edit() as edit:
                await users.create(edit, unknown, NewUser(name=a_name()))


@pytest.mark.parametrize("field", ["id", "tenant", "roles", "permissions", "disabled", "managed_by", "revision"])
def test_what_is_not_the_callers_to_say_is_refused(field: str) -> None:
    for model in (NewUser, UserFields):
        with pytest.raises(ValidationError):
            model.model_validate({"name": "ada", field: "x"})


async def test_nobody_gives_what_they_do_not_have(people: People) -> None:
    await _role(people, "hr", [P.USERS_READ, P.USERS_WRITE, P.ROLES_WRITE, *ROLES["member"]])
    hr, other = await people.user(["hr"]), await people.user()
    caller = await _caller(people, hr.id)
    with pytest.raises(Forbidden):
        async with people.edit(caller) as edit:
            await users.set_roles(edit, other.id, ["admin"], None)
    with pytest.raises(Forbidden):
        async with people.edit(caller) as edit:
            await users.set_roles(edit, hr.id, ["hr", "admin"], None)
    with pytest.raises(Forbidden):
        async with people.edit(caller) as edit:
            await users.switch(edit, "local", disabled=True, expected=None)
    with pytest.raises(Forbidden):
        async with people.edit(caller) as edit:
            await roles.create(edit, "default", NewRole(name="root", permissions=(P.POOL_WRITE,)))
    with pytest.raises(Forbidden):
        async with people.edit(caller) as edit:
            await roles.replace(edit, "default", "hr", RoleFields(permissions=tuple(P)))
    async with people.edit(caller) as edit:
        assert (await users.set_roles(edit, other.id, ["hr"], None)).roles == ("hr",)


async def _role(people: People, name: str, permissions: list[Permission]) -> None:
    async with people.edit() as edit:
        if name not in {role.name for role in await roles.listed(edit.tx, "default")}:
            await roles.create(edit, "default", NewRole(name=name, permissions=tuple(permissions)))


async def test_the_last_admin_of_a_tenant_stays_one(people: People) -> None:
    tenant = await people.tenant()
    first, second = [await people.user(["admin"], tenant.id) for _ in range(2)]

    async def demote(user_id: str) -> None:
        async with people.edit() as edit:
            await users.set_roles(edit, user_id, ["member"], None)

    async def disable(user_id: str) -> None:
        async with people.edit() as edit:
            await users.switch(edit, user_id, disabled=True, expected=None)

    ends = await asyncio.gather(demote(first.id), disable(second.id), return_exceptions=True)
    assert [type(end) for end in ends].count(Conflict) == 1
    left = first.id if isinstance(ends[0], Conflict) else second.id
    for take_away in (demote, disable):
        with pytest.raises(Conflict) as caught:
            await take_away(left)
        assert caught.value.problems[0].code == "last_admin"


async def test_a_tenants_admin_has_nothing_of_the_platform(people: People) -> None:
    tenant = await people.tenant()
    admin = await people.user(["admin"], tenant.id)
    caller = await _caller(people, admin.id)
    assert P.USERS_WRITE in caller.permissions
    assert not caller.permissions & {P.TENANTS_READ, P.POOL_WRITE, P.SETTINGS_WRITE, P.WALLETS_WRITE}
    assert caller.wallet == tenant.id
    for asked in ("default", "ten_" + "0" * 32):
        with pytest.raises(Forbidden):
            tenant_for(caller, asked, P.TENANTS_READ)
    async with people.edit(caller) as edit:
        with pytest.raises(NotFound):
            await users.switch(edit, "local", disabled=True, expected=None)
        with pytest.raises(NotFound):
            await users.set_roles(edit, "local", [], None)
        with pytest.raises(NotFound):
            await users.replace(edit, "local", UserFields(name=a_name()), None)


async def test_roles_of_one_tenant_are_none_of_another(people: People) -> None:
    tenant = await people.tenant()
    await _role(people, "only-here", [P.REQUESTS_READ])
    user = await people.user(["member"], tenant.id)
    for wanted in ("only-here", "no-such-role"):
        with pytest.raises(InvalidInput):
            async with people.edit() as edit:
                await users.set_roles(edit, user.id, [wanted], None)


async def test_a_role_that_somebody_has_is_not_removed(people: People) -> None:
    await _role(people, "in-use", [P.REQUESTS_READ])
    user = await people.user(["in-use"])
    with pytest.raises(Conflict) as caught:
        async with people.edit() as edit:
            await roles.delete(edit, "default", "in-use")
    assert user.id in {problem.message for problem in caught.value.problems}
    async with people.edit() as edit:
        await users.set_roles(edit, user.id, [], None)
        await grants.create(edit, "default", _grant(SubjectKind.ROLE, "in-use", "m*"))
        await roles.delete(edit, "default", "in-use")
    found, _ = await grants.page(people.db, "default", GrantFilter(subject="in-use"), None, 10)
    assert found == []


@pytest.mark.parametrize("name", ["admin", "adm1n", "0perator"])
async def test_a_role_is_not_called_like_a_built_in_one(people: People, name: str) -> None:
    with pytest.raises((InvalidInput, ValidationError)):
        async with people.edit() as edit:
            await roles.create(edit, "default", NewRole(name=name, permissions=()))


async def test_a_built_in_role_cannot_be_changed(people: People) -> None:
    with pytest.raises(Forbidden):
        async with people.edit() as edit:
            await roles.replace(edit, "default", "member", RoleFields(permissions=()))
    with pytest.raises(Forbidden):
        async with people.edit() as edit:
            await roles.delete(edit, "default", "auditor")


def _grant(subject_kind: SubjectKind, subject: str, pattern: str, kind: GrantKind = GrantKind.MODEL) -> NewGrant:
    return NewGrant(subject_kind=subject_kind, subject=subject, kind=kind, pattern=pattern)


async def test_a_user_has_what_roles_and_own_grants_give_together(people: People) -> None:
    await _role(people, "narrow", [P.CALLS_CREATE])
    user = await people.user(["narrow"])
    assert not (await _caller(people, user.id)).grants.allow(GrantKind.MODEL, "gpt-4o")
    async with people.edit() as edit:
        by_role = await grants.create(edit, "default", _grant(SubjectKind.ROLE, "narrow", f"{user.id}-*"))
        await grants.create(edit, "default", _grant(SubjectKind.USER, user.id, "gpt-4?"))
    caller = await _caller(people, user.id)
    assert [caller.grants.allow(GrantKind.MODEL, name) for name in ("gpt-4o", "gpt-4oo", f"{user.id}-x")] == [
        True,
        False,
        True,
    ]
    async with people.edit() as edit:
        await grants.delete(edit, by_role.id)
    assert not (await _caller(people, user.id)).grants.allow(GrantKind.MODEL, f"{user.id}-x")


async def test_a_grant_never_reaches_beyond_the_granters(people: People) -> None:
    await _role(people, "granter", [P.GRANTS_WRITE, P.USERS_READ])
    granter, other = await people.user(["granter"]), await people.user()
    async with people.edit() as edit:
        await grants.create(edit, "default", _grant(SubjectKind.USER, granter.id, "gpt-*"))
    caller = await _caller(people, granter.id)
    for pattern in ("*", "g*", "gpt?4", "claude"):
        with pytest.raises(Forbidden):
            async with people.edit(caller) as edit:
                await grants.create(edit, "default", _grant(SubjectKind.USER, granter.id, pattern))
    async with people.edit(caller) as edit:
        made = await grants.create(edit, "default", _grant(SubjectKind.USER, other.id, "gpt-4*"))
    with pytest.raises(Conflict):
        async with people.edit(caller) as edit:
            await grants.create(edit, "default", _grant(SubjectKind.USER, other.id, "gpt-4*"))
    assert made.tenant == "default"


async def test_grants_are_for_whom_there_is(people: People) -> None:
    tenant = await people.tenant()
    for grant in (
        _grant(SubjectKind.ROLE, "no-such-role", "*"),
        _grant(SubjectKind.USER, "usr_none", "*"),
        _grant(SubjectKind.USER, "local", "x*"),
    ):
        with pytest.raises(InvalidInput):
            async with people.edit() as edit:
                await grants.create(edit, tenant.id, grant)


async def test_the_tenant_that_operates_is_not_disabled(people: People) -> None:
    with pytest.raises(Conflict):
        async with people.edit() as edit:
            await tenants.switch(edit, "default", disabled=True, expected=None)


async def test_a_tenant_charges_only_a_wallet_that_is_there(people: People) -> None:
    tenant = await people.tenant()
    with pytest.raises(InvalidInput):
        async with people.edit() as edit:
            await tenants.replace(edit, tenant.id, TenantFields(name=tenant.name, wallet="none-such"), None)
    async with people.edit() as edit:
        renamed = await tenants.replace(edit, tenant.id, TenantFields(name=a_name(), wallet=tenant.id), None)
    assert renamed.name != tenant.name
    with pytest.raises(Conflict):
        async with people.edit() as edit:
            await tenants.create(edit, NewTenant(name=renamed.name.upper()))
    with pytest.raises(StaleRevision):
        async with people.edit() as edit:
            await tenants.switch(edit, tenant.id, disabled=True, expected=1)


async def test_lists_come_in_pages(people: People) -> None:
    tenant = await people.tenant()
    made = [(await people.user(["member"], tenant.id)).id for _ in range(5)]
    first, after = await users.page(people.db, tenant.id, None, 3)
    second, end = await users.page(people.db, tenant.id, after, 3)
    assert [user.id for user in (*first, *second)] == sorted(made)
    assert end is None


async def test_every_write_is_in_the_audit_log(people: People) -> None:
    user = await people.user(["auditor"])
    key, _ = await people.key(user.id)
    rows = await people.db.fetch(
        "SELECT action, actor, tenant FROM audit_entry WHERE object_id = ANY($1) ORDER BY id", [user.id, key.id]
    )
    assert [row["action"] for row in rows] == ["user.create", "user.set_roles", "key.create"]
    assert {(row["actor"], row["tenant"]) for row in rows} == {("local", "default")}


async def _narrow_lead(people: People) -> Caller:
    """Return who may do what a member may and change users, and may use one family of models."""
    await _role(people, "lead", [P.USERS_READ, P.USERS_WRITE, P.ROLES_WRITE, *ROLES["member"]])
    lead = await people.user(["lead"])
    async with people.edit() as edit:
        await grants.create(edit, "default", _grant(SubjectKind.USER, lead.id, "gpt-*"))
    return await _caller(people, lead.id)


async def test_nobody_gives_a_role_that_may_use_more_than_they(people: People) -> None:
    caller = await _narrow_lead(people)
    other = await people.user(["lead"])
    for user_id in (caller.owner, other.id):
        with pytest.raises(Forbidden):
            async with people.edit(caller) as edit:
                await users.set_roles(edit, user_id, ["lead", "member"], None)
    with pytest.raises(Forbidden):
        async with people.edit(caller) as edit:
            await users.create(edit, "default", NewUser(name=a_name()))
    member = await people.user(["member"])
    async with people.edit(caller) as edit:
        assert (await users.set_roles(edit, member.id, ["lead", "member"], None)).roles == ("lead", "member")
        assert (await users.set_roles(edit, member.id, ["lead"], None)).roles == ("lead",)


async def test_nobody_gives_a_password_to_who_may_use_more_than_they(people: People) -> None:
    caller = await _narrow_lead(people)
    member, other = await people.user(["member"]), await people.user(["lead"])
    with pytest.raises(Forbidden):
        async with people.edit(caller) as edit:
            await user_passwords.set_password(edit, member.id, "a hash", must_change=True)
    async with people.edit(caller) as edit:
        await user_passwords.set_password(edit, other.id, "a hash", must_change=True)


@pytest.mark.parametrize(
    "narrowed",
    [
        {"networks": ["10.0.0.0/8"]},
        {"expires_at": "2100-01-01T00:00:00Z"},
        {"grants": {"model": ["gpt-*"]}},
    ],
)
async def test_a_narrowed_key_gives_no_password_that_opens_more(people: People, narrowed: dict[str, Any]) -> None:
    _, secret = await people.key("local", **narrowed)
    caller = await people.caller(secret, "10.0.0.1")
    member = await people.user(["member"])
    for user_id in (member.id, "local"):
        with pytest.raises(Forbidden):
            async with people.edit(caller) as edit:
                await user_passwords.set_password(edit, user_id, "a hash", must_change=True)


async def test_nothing_is_made_in_a_tenant_that_is_none(people: People) -> None:
    for unknown in ("ten_" + "0" * 32, "none"):
        with pytest.raises(InvalidInput):
            async with people.edit() as edit:
                await roles.create(edit, unknown, NewRole(name="nowhere", permissions=()))
        with pytest.raises(InvalidInput):
            async with people.edit() as edit:
                await grants.create(edit, unknown, _grant(SubjectKind.ROLE, "member", "*"))
