"""Providers, as admins see and change them."""

from datetime import datetime

from domain.errors import Conflict, Problem
from domain.model_pool import Provider
from services.llm.config.edit import Edit, Source
from services.llm.config.rules import provider_problems, refuse
from services.llm.config.shelf import PROVIDERS, Stored, shown

NAMED_AT_MOST = 20
"""Objects in the way of a deletion that are named."""

_ACCOUNTS = "SELECT id FROM pool_account WHERE provider_id = $1 ORDER BY id LIMIT $2"


class ProviderView(Provider):
    """A provider with its source and revision."""

    source: Source
    revision: int
    created_at: datetime
    updated_at: datetime


def view(stored: Stored[Provider]) -> ProviderView:
    """Return a provider as people see it."""
    return ProviderView(**shown(stored))


async def create(edit: Edit, provider: Provider) -> None:
    """Add a provider.

    Raises:
        Conflict: There is one of this id.
        InvalidInput: Its address or a header is refused, or there are too many.
    """
    refuse(provider_problems(provider))
    await PROVIDERS.make_room(edit.tx)
    await PROVIDERS.add(edit, provider)


async def replace(edit: Edit, provider: Provider, expected: int | None) -> None:
    """Replace a provider.

    Raises:
        NotFound: There is none of this id.
        StaleRevision: It has another revision than expected.
        InvalidInput: Its address or a header is refused.
    """
    refuse(provider_problems(provider))
    await PROVIDERS.change(edit, provider, expected=expected)


async def delete(edit: Edit, provider_id: str, expected: int | None) -> None:
    """Remove a provider without accounts.

    Raises:
        NotFound: There is none of this id.
        Conflict: It has accounts, which are named; or another revision than expected.
    """
    rows = await edit.tx.fetch(_ACCOUNTS, provider_id, NAMED_AT_MOST)
    in_the_way("accounts", [row["id"] for row in rows])
    await PROVIDERS.remove(edit, (provider_id,), expected)


def in_the_way(what: str, names: list[str]) -> None:
    """Raise Conflict when something stands on what is to be removed."""
    if names:
        problems = tuple(Problem(code="in_use", path=f"/{what}", message=name) for name in names)
        raise Conflict(f"it is used by these {what}: {', '.join(names)}", problems)
