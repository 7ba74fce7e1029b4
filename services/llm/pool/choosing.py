"""From a call and the configuration to the places that are asked for, route by route, as `domain.routing` says."""

from collections.abc import Iterator
from dataclasses import dataclass

from domain.budget import cost
from domain.errors import ModelUnknown
from domain.model_pool import ANY_MODEL, Route, Strategy
from domain.routing import Asked, Candidate, Circumstances, Order, order, reckoned
from services.llm.pool.leases import Mode, Place
from services.llm.pool.port import Need
from services.llm.pool.snapshot import Snapshot
from services.llm.prices import Prices

_MOST = 10**15
"""As `domain.model_pool.Limit`: more is never counted."""

_MODES = {
    Strategy.ROUND_ROBIN: Mode.ROUND_ROBIN,
    Strategy.LEAST_CONNECTIONS: Mode.LEAST_CONNECTIONS,
    Strategy.FASTEST: Mode.FASTEST,
}


@dataclass(frozen=True)
class Way:
    """A route that a call may take.

    Attributes:
        asked: The name by which it was found: the one that the caller said, or a fallback's.
        fallback: Whether the caller asked for another.
    """

    route: Route
    asked: str
    fallback: bool = False

    @property
    def name(self) -> str:
        """The route's own name, as leases and metrics have it."""
        return f"{self.route.name}@{self.route.version}" if self.route.version else self.route.name

    @property
    def mode(self) -> Mode:
        """How its places come into their order."""
        return _MODES.get(self.route.strategy, Mode.GIVEN)


@dataclass(frozen=True)
class Choice:
    """What is asked of the database: places in the order of the candidates, and why other deployments cannot answer."""

    way: Way
    order: Order
    places: tuple[Place, ...]


def ways(snapshot: Snapshot, need: Need) -> Iterator[Way]:
    """Yield the route that a call asks for, then its fallbacks that its owner may use; a fallback's own do not count.

    Raises:
        ModelUnknown: There is no such route, or the owner may not use it.
    """
    route = snapshot.route(need.model)
    if route is None:
        raise ModelUnknown(f"the model {need.model} does not exist")
    if not _may_use(need.owner, route):
        raise ModelUnknown(f"the model {need.model} may not be used with this key", forbidden=True)
    yield Way(route, need.model)
    for name in route.fallbacks:
        other = snapshot.route(name)
        if other is not None and other != route and _may_use(need.owner, other):
            yield Way(other, name, fallback=True)


def choose(snapshot: Snapshot, way: Way, need: Need, given: Circumstances, prices: Prices) -> Choice:
    """Return the places that would do for a call, the preferred first."""
    asked = asked_of(need)
    ordered = order(way.route, candidates(snapshot, way, prices), asked, given)
    return Choice(way, ordered, tuple(_place(candidate, asked) for candidate in ordered.candidates))


def asked_of(need: Need) -> Asked:
    """Return a need as far as the choice goes."""
    return Asked(need.endpoint, need.input_tokens, need.max_output_tokens, need.capabilities, need.tried)


def candidates(snapshot: Snapshot, way: Way, prices: Prices) -> list[Candidate]:
    """Return the deployments that a route leads to and that exist."""
    found: list[Candidate] = []
    for target in way.route.targets:
        deployment = snapshot.deployments.get(target.deployment_id)
        entry = None if deployment is None else snapshot.accounts.get(deployment.account_id)
        if deployment is not None and entry is not None:
            found.append(
                Candidate(
                    target,
                    deployment,
                    deployment.price or prices.of(upstream_model(deployment.model, way)),
                    entry.account.weight,
                    disabled=entry.account.disabled or entry.provider.disabled,
                    parked=entry.parked,
                )
            )
    return found


def upstream_model(model: str, way: Way) -> str:
    """Return the provider's name of the model: the deployment's, or for `*` what was asked for, without the version."""
    if model != ANY_MODEL:
        return model
    name, at, version = way.asked.rpartition("@")
    return name if at and version == way.route.version else way.asked


def _may_use(owner: str, route: Route) -> bool:
    return route.owners is None or owner in route.owners


def _place(candidate: Candidate, asked: Asked) -> Place:
    deployment = candidate.deployment
    usage = reckoned(deployment, asked)
    return Place(
        deployment_id=deployment.id,
        account_id=deployment.account_id,
        weight=candidate.weight,
        tokens=min(usage.input_tokens + usage.output_tokens, _MOST),
        cost_micros=min(cost(usage, candidate.price), _MOST),
    )
