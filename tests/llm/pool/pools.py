"""A pool with a configuration made by the test: accounts are rows, the rest is a value."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from domain.budget import Price
from domain.model_pool import Account, Deployment, Dialect, Limit, Provider, Route, RouteTarget
from services.llm.chat import Target
from services.llm.pool.pool import ModelPool
from services.llm.pool.port import Granted, LeaseEnd, Need
from services.llm.pool.snapshot import AccountEntry, Snapshot
from services.llm.prices import Prices
from services.storage.database import Database
from tests.llm.pool.accounts import account, new_name

PROVIDER = Provider(id="sim", dialect=Dialect.OPENAI, base_url="http://sim.test/v1", simulated=True)


@dataclass
class Configured:
    """What the pool reads its configuration from."""

    snapshot: Snapshot = field(default_factory=lambda: Snapshot(version=1))


@dataclass
class Made:
    """A pool under test; `route` is its first one's name."""

    db: Database
    pool: ModelPool
    configured: Configured
    accounts: dict[str, AccountEntry] = field(default_factory=dict[str, AccountEntry])
    deployments: dict[str, Deployment] = field(default_factory=dict[str, Deployment])
    routes: list[Route] = field(default_factory=list[Route])

    async def deploy(self, *limits: Limit, on: str | None = None, **changes: object) -> str:
        """Add a deployment, on an account of its own unless told; return its id."""
        name = on or await account(self.db, *limits)
        if name not in self.accounts:
            target = Target(PROVIDER.dialect, PROVIDER.base_url, credential="key")
            self.accounts[name] = AccountEntry(Account(id=name, provider_id=PROVIDER.id), PROVIDER, target)
        fields = {"id": new_name("d"), "account_id": name, "model": "m", "price": Price(), **changes}
        deployment = Deployment.model_validate(fields)
        self.deployments[deployment.id] = deployment
        self._publish()
        return deployment.id

    def route(self, *deployments: str | RouteTarget, name: str | None = None, **changes: object) -> str:
        """Add a route; return its name."""
        targets = [RouteTarget(deployment_id=each) if isinstance(each, str) else each for each in deployments]
        made = Route.model_validate({"name": name or new_name("model"), "targets": targets, **changes})
        self.routes.append(made)
        self._publish()
        return made.name

    def account_of(self, deployment: str) -> str:
        return self.deployments[deployment].account_id

    def _publish(self) -> None:
        version = self.configured.snapshot.version + 1
        self.configured.snapshot = Snapshot(version, dict(self.accounts), dict(self.deployments), tuple(self.routes))


def made(db: Database, *, chance: Sequence[float] = (0.5,)) -> Made:
    configured, draws = Configured(), iter(list(chance) * 100)
    pool = ModelPool(db, configured, Prices({}), "test", chance=lambda: next(draws))
    return Made(db, pool, configured)


def need(model: str, **changes: object) -> Need:
    fields = {"call_id": new_name("call"), "model": model, "owner": "owner-a", "input_tokens": 10, **changes}
    return Need(**fields)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  fields by name


async def chosen(made: Made, model: str, **changes: object) -> str:
    """Take a place; return the deployment."""
    return (await made.pool.take(need(model, **changes))).deployment.id


async def called(made: Made, model: str, end: LeaseEnd, **changes: object) -> Granted:
    """Take a place and end the lease."""
    granted = await made.pool.take(need(model, **changes))
    await made.pool.settle(granted, end)
    return granted
