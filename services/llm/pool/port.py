"""What a caller asks of the pool, and what it is given. `ModelPool` implements `Pool`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from domain.budget import Price, Usage
from domain.errors import ModelError
from domain.model_pool import Account, Capability, Deployment, Endpoint, Provider, Route
from services.llm.chat import Target

OK = "ok"
"""The outcome of a lease whose call was answered."""
UNUSED = "unused"
"""The outcome of a lease by which nothing was sent: it counts towards no limit."""
CANCELLED = "cancelled"
"""The outcome of a lease whose call was ended by its caller."""


@dataclass(frozen=True)
class Need:
    """What a call needs.

    Attributes:
        call_id: Whose it is: names the waiter, so that a call that asks again keeps its place.
        model: The public name as asked for, maybe `name@version`.
        fairness_key: Who shares capacity evenly with others of the same priority: the owner, or the owner's user.
        priority: 1 (first) to 5 (last).
        session: The caller's word for a session, None: no stickiness.
        max_output_tokens: As the caller bounds it; None: the deployment's usual.
        tried: Deployments that have failed this call.
        waits: Whether the call may come back for capacity: then it queues; else a refusal leaves nothing behind.
    """

    call_id: str
    model: str
    owner: str
    endpoint: Endpoint = Endpoint.CHAT
    fairness_key: str = ""
    priority: int = 3
    session: str | None = None
    input_tokens: int = 0
    max_output_tokens: int | None = None
    capabilities: frozenset[Capability] = frozenset()
    tried: frozenset[str] = frozenset()
    waits: bool = True


@dataclass(frozen=True)
class Granted:
    """A place at an account. `route` is the one that leads there, another than asked for after a fallback.

    Attributes:
        upstream_model: The provider's name of the model.
        timeout_s: Bound on the whole call; `first_token_s`: on the wait for its first token (None: no other).
        reason: Why this one, in one sentence.
        session: What stays with the deployment once it has answered, None: nothing.
    """

    lease_id: str
    call_id: str
    route: Route
    provider: Provider
    account: Account
    deployment: Deployment
    target: Target
    upstream_model: str
    price: Price
    timeout_s: float
    first_token_s: float | None
    reason: str
    session: str | None = None


@dataclass(frozen=True)
class LeaseEnd:
    """How a lease ended.

    Attributes:
        outcome: `OK`, `UNUSED`, `CANCELLED`, or an error's code (`domain.errors`).
        since_first_byte_s: Seconds since the first byte of the answer came; None: none came. The provider counted the
            call before then.
        told: Headers of the answer, lower-case: limits are learnt from them.
        error: What went wrong; `streamed`: after the first token.
    """

    outcome: str
    usage: Usage = field(default_factory=Usage)
    cost_micros: int = 0
    first_token_ms: int | None = None
    total_ms: int = 0
    since_first_byte_s: float | None = None
    told: Mapping[str, str] = field(default_factory=dict[str, str])
    error: ModelError | None = None
    streamed: bool = False


class Pool(Protocol):
    """The pool as the callers of models see it."""

    async def take(self, need: Need) -> Granted:
        """Choose a deployment and take a lease on its account. The lease lives until `settle`, or this process's end.

        Raises:
            ModelUnknown: No route has this name, or the owner may not use it.
            ModelRejected: No deployment of the route can do what the call needs (ModelContextTooLong: none is large
                enough); or all that can have been tried.
            ModelCredentialDead: Those that could answer are all parked.
            NoCapacity: Those that could answer are at their limits or resting; it says when to ask again.
            Unavailable: The database does not answer.
        """
        ...

    async def settle(self, granted: Granted, end: LeaseEnd) -> None:
        """End a lease, and remember how it went: breaker, pace, learnt limits, a dead credential. Repeating is safe.

        Raises:
            Unavailable: The database does not answer; the lease then ends by itself, and counts a little longer.
        """
        ...

    def answered(self, granted: Granted) -> None:
        """Note that the first byte of an answer came: the call leaves its windows sooner than by its end."""
        ...

    async def give_up(self, call_id: str) -> None:
        """Forget that a call waits."""
        ...
