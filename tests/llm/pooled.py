"""Models of a test's own in the pool: each with its provider, account, deployment and route, all of the model's name.

So what a test does to its model (limits, faults that park an account or open a breaker) touches no other test.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import SecretStr

from domain.budget import Price
from domain.model_pool import Account, Deployment, Dialect, Limit, Provider, Route, RouteTarget
from services.llm.config import accounts, deployments, providers, routes
from services.llm.config.accounts import NewCredential
from services.llm.config.edit import Source, editing
from services.storage.database import Database
from services.vault.vault import Vault

VAULT = Vault({"test": bytes(32)}, active="test")
PRICE = Price(input_micros=1_000_000, cached_input_micros=500_000, output_micros=2_000_000)
"""One micro-unit an input token, two an output token."""


async def add_model(
    db: Database, model: str, base_url: str, *, price: Price | None = PRICE, silence_s: float = 5.0, **route: Any
) -> None:
    """Add a model that a simulated server answers; `route`: fields of its route, such as `owners`."""
    provider = Provider(
        id=model, dialect=Dialect.OPENAI, base_url=base_url, simulated=True, silence_s=silence_s, allow_private=True
    )
    async with db.transaction() as tx, editing(tx, "test", Source.ADMIN) as edit:
        await providers.create(edit, provider)
        await accounts.create(edit, VAULT, Account(id=model, provider_id=model), None)
        await deployments.create(edit, Deployment(id=model, account_id=model, model=model, price=price))
        await routes.create(edit, Route(name=model, targets=(RouteTarget(deployment_id=model),), **route))


async def add_accounts(  # noqa: PLR0913  the fields of what is added
    db: Database,
    model: str,
    base_url: str,
    names: Sequence[str],
    *,
    limits: tuple[Limit, ...] = (),
    vault: Vault = VAULT,
    deployment: Mapping[str, Any] | None = None,
    **route: Any,
) -> None:
    """Add a model that several accounts serve; each sends its name as its key, so the server can tell them apart.

    `deployment`, `route`: fields of theirs. Accounts and deployments are called `<model>-<name>`.
    """
    provider = Provider(id=model, dialect=Dialect.OPENAI, base_url=base_url, simulated=True, allow_private=True)
    ids = [f"{model}-{name}" for name in names]
    async with db.transaction() as tx, editing(tx, "test", Source.ADMIN) as edit:
        await providers.create(edit, provider)
        for id_ in ids:
            account = Account(id=id_, provider_id=model, limits=limits)
            await accounts.create(edit, vault, account, NewCredential(SecretStr(id_)))
            fields: dict[str, Any] = {"price": PRICE, **(deployment or {})}
            await deployments.create(edit, Deployment(id=id_, account_id=id_, model=model, **fields))
        targets = tuple(RouteTarget(deployment_id=id_) for id_ in ids)
        await routes.create(edit, Route(name=model, targets=targets, **route))
