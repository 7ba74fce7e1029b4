"""Who is meant by a text that may be a user's id or name."""

from typing import Final

from domain.errors import InvalidInput
from domain.user_names import normalised, skeleton
from services.storage.statements import Statements

_FIND: Final = """
    SELECT id FROM app_user WHERE tenant = $1 AND (id = $2 OR skeleton = $3 AND name = $4)
    ORDER BY id = $2 DESC LIMIT 1"""


async def user_meant(where: Statements, tenant: str, text: str) -> str | None:
    """Return the id of the tenant's user who has this id, or else this name; None: nobody does."""
    if "\0" in text:
        return None
    try:
        name = normalised(text)
    except InvalidInput:
        name = ""
    rows = await where.fetch(_FIND, tenant, text, skeleton(name), name)
    return str(rows[0]["id"]) if rows else None
