"""What a node says of itself, and what that is in the pool: a provider, an account, deployments, places in routes.

What an admin has changed of these is theirs: the node's own word on it does not count any more.
"""

from typing import TypeVar

from pydantic import Field

from domain.errors import InvalidInput, Problem
from domain.model_pool import (
    Account,
    Deployment,
    Dialect,
    Limit,
    LimitKind,
    ModelName,
    Provider,
    Route,
    RouteTarget,
    Strategy,
)
from domain.value import Value
from services.llm.config import accounts, limits
from services.llm.config.edit import Edit, Source
from services.llm.config.object_ids import TARGETS_LIMIT, deployment_id
from services.llm.config.rules import provider_problems, refuse
from services.llm.config.shelf import ACCOUNTS, DEPLOYMENTS, PROVIDERS, ROUTES, Shelf, Stored
from services.storage import json_text

V = TypeVar("V", bound=Value)

_DEPLOYMENTS = "SELECT id FROM pool_deployment WHERE account_id = $1 ORDER BY id"
_ROUTES = "SELECT name, version FROM pool_route WHERE data @> $1::jsonb ORDER BY name, version"
_OTHER_ACCOUNTS = "SELECT id FROM pool_account WHERE provider_id = $1 LIMIT 1"


class Node(Value):
    """What a node says of itself.

    Attributes:
        base_url: Where its API is, as in `domain.model_pool.Provider`.
        models: What it serves, by its own names; they are public names too.
        ttl_s: How long it may be silent, in seconds.
        concurrency: How many calls it takes at one time; None: any number.
        allow_private: Its address may lie in a private network.
    """

    base_url: str = Field(min_length=1, max_length=2000, pattern=r"^https?://[^\s@]+$")
    dialect: Dialect = Dialect.OPENAI
    models: tuple[ModelName, ...] = Field(min_length=1, max_length=100)
    ttl_s: float = Field(default=15.0, ge=1, le=3600)
    concurrency: int | None = Field(default=None, ge=1, le=100_000)
    allow_private: bool = False


async def put(edit: Edit, node_id: str, node: Node) -> str:
    """Make a node's objects what it says; return its account's id.

    Raises:
        InvalidInput: Its address is refused, a route is full, or there are too many of something.
    """
    name = f"node-{node_id}"
    provider = Provider(id=name, dialect=node.dialect, base_url=node.base_url, allow_private=node.allow_private)
    refuse(provider_problems(provider))
    concurrency = () if node.concurrency is None else (Limit(kind=LimitKind.CONCURRENCY, amount=node.concurrency),)
    account = Account(id=name, provider_id=name, limits=concurrency)
    await _put(edit, PROVIDERS, provider)
    if await _put(edit, ACCOUNTS, account):
        await limits.configure(edit.tx, account.id, account.limits)
    served = {deployment_id(name, model): model for model in node.models}
    await _drop(edit, [id_ for id_ in await _deployments(edit, name) if id_ not in served])
    for id_, model in served.items():
        await _put(edit, DEPLOYMENTS, Deployment(id=id_, account_id=name, model=model))
        await _join(edit, model, id_)
    return name


async def clear(edit: Edit, account_id: str) -> None:
    """Remove a node's objects, and its places in routes. An admin's other accounts at its provider keep that alive."""
    await _drop(edit, await _deployments(edit, account_id))
    account = await ACCOUNTS.find(edit.tx, (account_id,))
    if account is None:
        return
    await accounts.remove(edit, account_id)
    provider_id = account.value.provider_id
    if not await edit.tx.fetch(_OTHER_ACCOUNTS, provider_id) and await PROVIDERS.find(edit.tx, (provider_id,)):
        await PROVIDERS.remove(edit, (provider_id,))


async def _put(edit: Edit, shelf: Shelf[V], value: V) -> bool:
    """Store a value, unless it is there already or is an admin's; return whether it was stored."""
    stored = await shelf.find(edit.tx, shelf.key_of(value))
    if stored is None:
        await shelf.make_room(edit.tx)
        await shelf.add(edit, value)
        return True
    if stored.source is not Source.NODE or stored.value == value:
        return False
    await shelf.change(edit, value)
    return True


async def _deployments(edit: Edit, account_id: str) -> list[str]:
    return [row["id"] for row in await edit.tx.fetch(_DEPLOYMENTS, account_id)]


async def _join(edit: Edit, model: str, deployment: str) -> None:
    """Give a deployment its place in the route of the model's name; whose the route is does not change."""
    target = RouteTarget(deployment_id=deployment)
    stored = await ROUTES.find(edit.tx, (model, ""))
    if stored is None:
        await ROUTES.make_room(edit.tx)
        await ROUTES.add(edit, Route(name=model, targets=(target,), strategy=Strategy.LEAST_CONNECTIONS))
        return
    targets = stored.value.targets
    if deployment in {each.deployment_id for each in targets}:
        return
    if len(targets) >= TARGETS_LIMIT:
        message = f"the route of one of these models has {TARGETS_LIMIT} targets already"
        raise InvalidInput(message, (Problem(code="too_many_targets", path="/models", message=message),))
    joined = stored.value.model_copy(update={"targets": (*targets, target)})
    await ROUTES.change(edit, joined, source=stored.source)


async def _drop(edit: Edit, deployments: list[str]) -> None:
    """Remove deployments, and their places in routes."""
    for id_ in deployments:
        sought = json_text.encode({"targets": [{"deployment_id": id_}]})
        for row in await edit.tx.fetch(_ROUTES, sought):
            await _leave(edit, await ROUTES.get(edit.tx, (row["name"], row["version"])), id_)
        await DEPLOYMENTS.remove(edit, (id_,))


async def _leave(edit: Edit, stored: Stored[Route], deployment: str) -> None:
    """Take a deployment out of a route; one that only nodes have made goes with its last."""
    left = tuple(target for target in stored.value.targets if target.deployment_id != deployment)
    if not left and stored.source is Source.NODE:
        await ROUTES.remove(edit, ROUTES.key_of(stored.value))
    else:
        await ROUTES.change(edit, stored.value.model_copy(update={"targets": left}), source=stored.source)
