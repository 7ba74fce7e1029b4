"""The live settings as they are kept: every value that one was given, by whom, when and why. The newest one holds.

A change is one transaction: the version, its audit, and the clock by which all processes learn of it. Changes wait for
each other at the clock, so a revision that was found is still the newest when the next one is written.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from domain.errors import NotFound
from domain.live_settings import NAMES, checked, known
from domain.revisions import StaleRevision
from domain.value import Value
from services.storage import audit, json_text
from services.storage.audit import Act, By
from services.storage.driver import Row
from services.storage.statements import Statements

_COLUMNS: Final = "name, revision, value, actor, why, at"
_TURN: Final = "UPDATE setting_clock SET version = version + 1 WHERE id = 1"
_CLOCK: Final = "SELECT version FROM setting_clock WHERE id = 1"
_NEWEST: Final = f"""
    SELECT v.* FROM unnest($1::text[]) AS wanted (name) CROSS JOIN LATERAL (
        SELECT {_COLUMNS} FROM setting_version WHERE name = wanted.name ORDER BY revision DESC LIMIT 1) AS v"""  # noqa: S608  our columns
_WRITE: Final = f"""
    INSERT INTO setting_version (name, revision, value, actor, why)
    VALUES ($1, $2, $3::jsonb, $4, $5) RETURNING {_COLUMNS}"""  # noqa: S608  our columns
_ONE: Final = f"SELECT {_COLUMNS} FROM setting_version WHERE name = $1 AND revision = $2"  # noqa: S608  our columns
_PAGE: Final = f"""
    SELECT {_COLUMNS} FROM setting_version WHERE name = $1 AND ($2::int IS NULL OR revision < $2)
    ORDER BY revision DESC LIMIT $3"""  # noqa: S608  our columns


class SettingVersion(Value):
    """A value that a setting was given; null: none, so that the environment's or the default holds."""

    name: str
    revision: int
    value: Any
    actor: str
    why: str
    at: datetime


@dataclass(frozen=True)
class Wish:
    """What is to become of a setting. `value` None: it is no longer set. `expected`: the revision that it must have."""

    name: str
    value: Any
    why: str = ""
    expected: int | None = None


async def clock(where: Statements) -> int:
    """Return the number of changes so far."""
    (row,) = await where.fetch(_CLOCK)
    version: int = row["version"]
    return version


async def newest(where: Statements, *names: str) -> Mapping[str, SettingVersion]:
    """Return the newest version of settings, of all unless told; those that were never set are left out."""
    return {row["name"]: _version(row) for row in await where.fetch(_NEWEST, list(names or NAMES))}


async def change(tx: Statements, by: By, wish: Wish) -> SettingVersion:
    """Give a setting a value, or take it away.

    Raises:
        NotFound: There is no such setting.
        InvalidInput: It may not have this value.
        StaleRevision: It has another revision than expected.
    """
    verb = "reset" if wish.value is None else "change"
    return await _written(tx, by, wish, verb)


async def revert(tx: Statements, by: By, wish: Wish, to: int) -> SettingVersion:
    """Give a setting the value that it had at an earlier revision, 0: none; this makes a new one. `wish`: without it.

    Raises:
        NotFound: There is no such setting, or it has no such revision.
        InvalidInput: It may no longer have that value.
        StaleRevision: It has another revision than expected.
    """
    rows = await tx.fetch(_ONE, known(wish.name), to)
    if not rows and to != 0:
        raise NotFound("the setting has no such revision")
    value = rows[0]["value"] if rows else None
    return await _written(tx, by, Wish(wish.name, value, wish.why, wish.expected), "revert", {"to": to})


async def page(where: Statements, name: str, before: int | None, limit: int) -> tuple[list[SettingVersion], int | None]:
    """Return versions, the newest first, and the revision before which the next page begins; None: this was the last.

    Raises:
        NotFound: There is no such setting.
    """
    rows = await where.fetch(_PAGE, known(name), before, limit + 1)
    versions = [_version(row) for row in rows[:limit]]
    return versions, versions[-1].revision if len(rows) > limit else None


async def _written(
    tx: Statements, by: By, wish: Wish, verb: str, details: Mapping[str, Any] | None = None
) -> SettingVersion:
    value = None if wish.value is None else checked(wish.name, wish.value)
    await tx.fetch(_TURN)
    before = (await newest(tx, known(wish.name))).get(wish.name)
    revision = 0 if before is None else before.revision
    if wish.expected is not None and wish.expected != revision:
        raise StaleRevision(f"the setting has been changed since: it is at revision {revision}")
    stored = None if value is None else json_text.encode(value)
    (row,) = await tx.fetch(_WRITE, wish.name, revision + 1, stored, by.actor, wish.why)
    said = {"before": None if before is None else before.value, "value": value, "why": wish.why, **(details or {})}
    await audit.record(tx, by, Act(f"setting.{verb}", "setting", wish.name, said))
    return _version(row)


def _version(row: Row) -> SettingVersion:
    return SettingVersion.model_validate(dict(row))
