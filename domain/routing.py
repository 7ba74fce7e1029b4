"""Which deployments of a route may answer a call, and in which order they are tried. Pure: chance and paces are given.

What is at its limit or resting is not known here: the database goes through the order under its lock and takes the
first that is free (`longhaul_lease_take`). It also puts into order what only it knows for all processes: whose turn it
is (round robin), and who has the fewest open calls.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from domain.budget import Price, Usage, cost
from domain.model_pool import Capability, Deployment, Endpoint, Route, RouteTarget, Strategy

REMEMBERED_S = 60.0
"""A pace older than this is measured anew: a deployment that was slow once is not slow for ever."""

USUAL_OUTPUT_TOKENS = 500
"""By how long an answer prices are compared when its caller sets no bound."""

_NEEDED = {Endpoint.EMBEDDINGS: Capability.EMBEDDINGS, Endpoint.COMPLETIONS: Capability.COMPLETIONS}


class Unfit(StrEnum):
    """Why a deployment cannot answer a call."""

    DISABLED = "is disabled"
    PARKED = "is parked"
    TRIED = "has failed this call"
    ABILITY = "cannot do what the call needs"
    SIZE = "is not for calls of this size"
    CONTEXT = "takes fewer tokens"


@dataclass(frozen=True)
class Asked:
    """A call as far as the choice goes. `max_output_tokens` None: its caller sets no bound."""

    endpoint: Endpoint = Endpoint.CHAT
    input_tokens: int = 0
    max_output_tokens: int | None = None
    capabilities: frozenset[Capability] = frozenset()
    tried: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Pace:
    """How soon a deployment's first token came lately, and for how many seconds it has not been chosen."""

    first_token_ms: float
    idle_s: float = 0.0


@dataclass(frozen=True)
class Candidate:
    """A deployment that a route leads to.

    Attributes:
        account_weight: Multiplies its weight.
        disabled: Its account or provider is.
        parked: Its account is.
    """

    target: RouteTarget
    deployment: Deployment
    price: Price
    account_weight: int = 1
    disabled: bool = False
    parked: bool = False

    @property
    def weight(self) -> int:
        """Its share of the calls."""
        return (self.target.weight or self.deployment.weight) * self.account_weight


@dataclass(frozen=True)
class Circumstances:
    """What the choice depends on beside the call: chance from 0 to 1, paces by deployment, the session's deployment."""

    chance: float = 0.0
    paces: Mapping[str, Pace] = field(default_factory=dict[str, Pace])
    stays_with: str | None = None


@dataclass(frozen=True)
class Order:
    """What is to be tried, and why the rest is not.

    Attributes:
        candidates: The first is preferred.
        stays: The first is the session's own, and stands there whatever the strategy.
        unfit: By deployment.
    """

    candidates: tuple[Candidate, ...]
    stays: bool
    unfit: Mapping[str, Unfit]


def order(route: Route, candidates: Iterable[Candidate], asked: Asked, given: Circumstances) -> Order:
    """Return the deployments that can answer, in the order of the route's strategy, the session's own first."""
    fit: list[Candidate] = []
    unfit: dict[str, Unfit] = {}
    for candidate in candidates:
        why = why_unfit(candidate, asked)
        if why is None:
            fit.append(candidate)
        else:
            unfit[candidate.deployment.id] = why
    ordered = _in_order(route.strategy, fit, asked, given)
    own = [candidate for candidate in ordered if candidate.deployment.id == given.stays_with]
    others = [candidate for candidate in ordered if candidate.deployment.id != given.stays_with]
    return Order((*own, *others), bool(own), unfit)


def _in_order(strategy: Strategy, fit: list[Candidate], asked: Asked, given: Circumstances) -> list[Candidate]:
    match strategy:
        case Strategy.WEIGHTED:
            return _by_chance(fit, given.chance)
        case Strategy.CHEAPEST:
            return sorted(fit, key=lambda candidate: _price(candidate, asked))
        case Strategy.FASTEST:
            return sorted(fit, key=lambda candidate: _first_token_ms(candidate, given.paces))
        case _:  # as given, or for the database to put into order
            return fit


def why_unfit(candidate: Candidate, asked: Asked) -> Unfit | None:
    """Return why a deployment cannot answer a call; None: it can."""
    deployment, target = candidate.deployment, candidate.target
    if candidate.disabled or deployment.disabled:
        return Unfit.DISABLED
    if candidate.parked:
        return Unfit.PARKED
    if not _able(deployment, asked):
        return Unfit.ABILITY
    if not target.min_input_tokens <= asked.input_tokens <= (target.max_input_tokens or asked.input_tokens):
        return Unfit.SIZE
    if deployment.context_tokens is not None and deployment.context_tokens < _least_context(asked):
        return Unfit.CONTEXT
    return Unfit.TRIED if deployment.id in asked.tried else None


def reckoned(deployment: Deployment, asked: Asked) -> Usage:
    """Return the tokens that a call is reckoned with until its usage is known."""
    output = deployment.max_output_tokens if asked.max_output_tokens is None else asked.max_output_tokens
    return Usage(input_tokens=asked.input_tokens, output_tokens=output, estimated=True)


def _able(deployment: Deployment, asked: Asked) -> bool:
    if deployment.capabilities is None:
        return True
    needed = _NEEDED.get(asked.endpoint)
    return asked.capabilities <= deployment.capabilities and (needed is None or needed in deployment.capabilities)


def _least_context(asked: Asked) -> int:
    """Return the tokens that must fit: the input and what is wanted of output, of an unbounded answer one."""
    return asked.input_tokens + (1 if asked.max_output_tokens is None else asked.max_output_tokens)


def _by_chance(fit: list[Candidate], chance: float) -> list[Candidate]:
    """Draw all by weight, without putting back. One chance does for all: what is left of it is as even as it was."""
    left, drawn, chance = list(fit), list[Candidate](), min(max(chance, 0.0), 1.0)
    while left:
        at = chance * sum(candidate.weight for candidate in left)
        index = 0
        while index < len(left) - 1 and at >= left[index].weight:
            at -= left[index].weight
            index += 1
        chance = min(at / left[index].weight, 1.0)
        drawn.append(left.pop(index))
    return drawn


def _price(candidate: Candidate, asked: Asked) -> int:
    """Return by what prices are compared; an answer without a bound is alike long everywhere."""
    output = USUAL_OUTPUT_TOKENS if asked.max_output_tokens is None else asked.max_output_tokens
    return cost(Usage(input_tokens=asked.input_tokens, output_tokens=output), candidate.price)


def _first_token_ms(candidate: Candidate, paces: Mapping[str, Pace]) -> float:
    """Return by what paces are compared; one that is not known, or old, comes first: it is to be measured."""
    pace = paces.get(candidate.deployment.id)
    return -1.0 if pace is None or pace.idle_s > REMEMBERED_S else pace.first_token_ms
