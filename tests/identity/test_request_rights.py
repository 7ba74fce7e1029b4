import secrets

import pytest

from domain.errors import Unavailable
from domain.permissions import Permission
from services.identity.request_rights import RequestRights
from tests.identity.people import People


async def test_a_request_without_a_row_has_no_rights_until_it_has_one(people: People) -> None:
    """Whose key asked for it stands in the row: without it, work would have all that its user has."""
    user = await people.user()
    key, _ = await people.key(user.id, permissions=["calls.create"], grants={"model": ["gpt-*"]})
    rights, request_id = RequestRights(people.db), f"req_{secrets.token_hex(16)}"
    with pytest.raises(Unavailable):
        await rights.of(request_id, user.id)
    await people.db.fetch("INSERT INTO request (id, owner, key_id) VALUES ($1, $2, $3)", request_id, user.id, key.id)
    found = await rights.of(request_id, user.id)
    assert found.permissions == {Permission.CALLS_CREATE}


async def test_a_request_without_a_row_may_use_what_its_parent_may_or_its_owner(people: People) -> None:
    """Started by hand in Temporal, a request binds the tools of its seed before its first record."""
    user = await people.user()
    key, _ = await people.key(user.id, permissions=["calls.create"], grants={"model": ["gpt-*"]})
    rights, parent_id = RequestRights(people.db), f"req_{secrets.token_hex(16)}"
    with pytest.raises(Unavailable):
        await rights.before_record("req_sub", user.id, parent_id)
    await people.db.fetch("INSERT INTO request (id, owner, key_id) VALUES ($1, $2, $3)", parent_id, user.id, key.id)
    narrowed = await rights.before_record("req_sub", user.id, parent_id)
    assert narrowed == await rights.of(parent_id, user.id)
    assert narrowed.permissions == {Permission.CALLS_CREATE}
    by_hand = await rights.before_record("req_by_hand", user.id, None)
    assert by_hand.permissions > narrowed.permissions
    await people.db.fetch("INSERT INTO request (id, owner, key_id) VALUES ('req_by_hand', $1, $2)", user.id, key.id)
    assert await rights.before_record("req_by_hand", user.id, None) == narrowed, "nothing was remembered"
