"""Rotating a key: a new secret, while the old one stays good for a grace time, so that nothing stands still meanwhile.

A rotation names the generation that it follows, so that of several at once one wins. It may carry an id: when its
answer got lost, it can be sent again, makes no further secret, and tells that it has happened. The lost secret is then
known to nobody; the next rotation replaces it, and the one in use has its grace as before.
"""

from dataclasses import dataclass, field
from typing import Annotated, Final

from pydantic import Field

from domain.errors import Conflict, Problem
from domain.value import Value
from services.identity import key_rows
from services.identity.api_keys import cover, locked
from services.identity.edit import Edit, wrong
from services.identity.key_rows import KeyView
from services.identity.key_secrets import add_secret, new_key
from services.identity.pepper import Pepper

DAY_S: Final = 86_400
LONGEST_GRACE_S: Final = 30 * DAY_S
SECRETS_AT_MOST: Final = 5
"""Secrets of a key that are good at a time."""

_REPEATED: Final = "SELECT generation FROM api_key_secret WHERE key_id = $1 AND rotation_id = $2"
_GRACE: Final = """
    UPDATE api_key_secret
    SET expires_at = LEAST(expires_at, clock_timestamp() + make_interval(secs => $2)) WHERE key_id = $1"""
_FORGET: Final = """
    DELETE FROM api_key_secret WHERE key_id = $1 AND expires_at < clock_timestamp() - make_interval(days => 60)"""
_GOOD: Final = """
    SELECT count(*) AS n FROM api_key_secret
    WHERE key_id = $1 AND (expires_at IS NULL OR expires_at > clock_timestamp())"""
_NEXT: Final = """
    UPDATE api_key SET generation = generation + 1, revision = revision + 1, updated_at = clock_timestamp()
    WHERE id = $1"""


class Rotation(Value):
    """A rotation.

    Attributes:
        generation: The key's newest secret as the caller knows it; when there is a newer one, the rotation is refused.
        grace_s: For how many seconds older secrets stay good; 0: for none, because one may be known to others.
        rotation_id: A name of the caller's own, the same when the same rotation is sent again.
    """

    generation: Annotated[int, Field(ge=1, le=2**31 - 1)]
    grace_s: Annotated[int, Field(ge=0, le=LONGEST_GRACE_S)] = DAY_S
    rotation_id: Annotated[str | None, Field(min_length=1, max_length=100, pattern=r"^[\x21-\x7e]+$")] = None


@dataclass(frozen=True)
class Rotated:
    """A rotation's end. `secret` None: it had happened before, and its secret is not shown again."""

    key: KeyView
    secret: str | None = field(repr=False)


async def rotate(edit: Edit, pepper: Pepper, key_id: str, rotation: Rotation) -> Rotated:
    """Give a key a new secret.

    Raises:
        NotFound: There is none of this id that the caller may change.
        Forbidden: The key gives more than the caller has.
        Conflict: It is disabled or revoked, has been rotated since, or has too many secrets in their grace.
    """
    now = await locked(edit, key_id)
    if rotation.rotation_id is not None and await edit.tx.fetch(_REPEATED, key_id, rotation.rotation_id):
        return Rotated(now, None)
    await _check(edit, now, rotation)
    await edit.tx.fetch(_GRACE, key_id, float(rotation.grace_s))
    await edit.tx.fetch(_FORGET, key_id)
    (good,) = await edit.tx.fetch(_GOOD, key_id)
    if good["n"] >= SECRETS_AT_MOST:
        raise _conflict(
            "too_many_secrets", f"{SECRETS_AT_MOST} secrets are in their grace: wait, or end it by grace_s 0"
        )
    made = new_key(key_id)
    await edit.tx.fetch(_NEXT, key_id)
    await add_secret(edit.tx, key_id, now.generation + 1, await pepper.digest(made.secret), rotation.rotation_id)
    await edit.note("rotate", "key", key_id, generation=now.generation + 1, grace_s=rotation.grace_s)
    return Rotated(await key_rows.view(edit.tx, key_id), made.text)


async def _check(edit: Edit, now: KeyView, rotation: Rotation) -> None:
    if now.disabled:
        raise _conflict("disabled", "the key is disabled")
    if rotation.generation > now.generation:
        raise wrong("unknown_generation", "/generation", "the key has no such secret yet")
    if rotation.generation < now.generation:
        raise _conflict("rotated", f"the key has been rotated since: its newest secret is {now.generation}")
    await cover(edit, now)


def _conflict(code: str, message: str) -> Conflict:
    return Conflict(message, (Problem(code=code, path="", message=message),))
