"""Deployments, as admins see and change them."""

from datetime import datetime

from domain.errors import Problem
from domain.model_pool import Deployment
from services.llm.config.edit import Edit, Source
from services.llm.config.providers import NAMED_AT_MOST, in_the_way
from services.llm.config.rules import refuse
from services.llm.config.shelf import ACCOUNTS, DEPLOYMENTS, Stored, named, shown
from services.storage import json_text
from services.storage.database import Tx

_ROUTES = "SELECT name, version FROM pool_route WHERE data @> $1::jsonb ORDER BY name, version LIMIT $2"


class DeploymentView(Deployment):
    """A deployment with its source and revision."""

    source: Source
    revision: int
    created_at: datetime
    updated_at: datetime


def view(stored: Stored[Deployment]) -> DeploymentView:
    """Return a deployment as people see it."""
    return DeploymentView(**shown(stored))


async def create(edit: Edit, deployment: Deployment) -> None:
    """Add a deployment.

    Raises:
        Conflict: There is one of this id.
        InvalidInput: It names no account, or there are too many.
    """
    await _check(edit, deployment)
    await DEPLOYMENTS.make_room(edit.tx)
    await DEPLOYMENTS.add(edit, deployment)


async def replace(edit: Edit, deployment: Deployment, expected: int | None) -> None:
    """Replace a deployment.

    Raises:
        NotFound: There is none of this id.
        StaleRevision: It has another revision than expected.
        InvalidInput: It names no account.
    """
    await _check(edit, deployment)
    await DEPLOYMENTS.change(edit, deployment, expected=expected)


async def delete(edit: Edit, deployment_id: str, expected: int | None) -> None:
    """Remove a deployment that no route leads to.

    Raises:
        NotFound: There is none of this id.
        Conflict: Routes lead to it, which are named; or it has another revision than expected.
    """
    in_the_way("routes", await routes_to(edit.tx, deployment_id))
    await DEPLOYMENTS.remove(edit, (deployment_id,), expected)


async def routes_to(tx: Tx, deployment_id: str) -> list[str]:
    """Return the first of the routes that lead to a deployment."""
    sought = json_text.encode({"targets": [{"deployment_id": deployment_id}]})
    rows = await tx.fetch(_ROUTES, sought, NAMED_AT_MOST)
    return [named((row["name"], row["version"])) for row in rows]


async def _check(edit: Edit, deployment: Deployment) -> None:
    if await ACCOUNTS.find(edit.tx, (deployment.account_id,)) is None:
        message = "there is no account of this id"
        refuse([Problem(code="unknown_account", path="/account_id", message=message)])
