"""The course of one call over all its attempts: who was asked, what came of it, and how long everything took."""

import asyncio
from dataclasses import dataclass, field

from domain.errors import ModelError
from domain.gateway import Routing, Try
from services.llm.assignment import Assignment, Way
from services.llm.pool.port import OK, Granted


@dataclass
class Course:
    """What has become of a call so far. Times in seconds of the event loop's clock.

    Attributes:
        timeout_s: Bound on all attempts together.
        waited_s: For capacity.
        upstream_s: Spent with providers.
        failed: Why the last attempt failed.
    """

    work: Assignment
    timeout_s: float
    started: float = field(default_factory=lambda: asyncio.get_running_loop().time())
    waited_s: float = 0.0
    upstream_s: float = 0.0
    first_token_at: float | None = None
    failed: ModelError | None = None
    cost_micros: int = 0
    tries: list[Try] = field(default_factory=list[Try])
    granted: Granted | None = None
    journaled: int = 0

    @property
    def tried(self) -> frozenset[str]:
        """The deployments that have failed this call."""
        return frozenset(each.deployment for each in self.tries)

    def left_s(self) -> float:
        """Return the time that is left for the call; what it waited for capacity is not on its account."""
        return self.timeout_s + self.waited_s - (asyncio.get_running_loop().time() - self.started)

    def note(self, granted: Granted, outcome: str, took_s: float) -> None:
        """Note how an attempt ended."""
        self.granted = granted
        self.upstream_s += took_s
        account, deployment = granted.account.id, granted.deployment.id
        self.tries.append(Try(deployment=deployment, account=account, outcome=outcome, ms=round(took_s * 1000)))

    def way(self, cost_micros: int) -> Way:
        """Return how the call came to its end."""
        now = asyncio.get_running_loop().time()
        first = self.first_token_at
        return Way(
            attempt=max(self.journaled, 1),
            routing=self._routing(),
            cost_micros=cost_micros,
            waited_ms=round(self.waited_s * 1000),
            first_token_ms=None if first is None else round((first - self.started) * 1000),
            total_ms=round((now - self.started) * 1000),
            upstream_ms=round(self.upstream_s * 1000),
        )

    def _routing(self) -> Routing:
        granted = self.granted
        if granted is None:
            return Routing(tries=tuple(self.tries))
        version = f"@{granted.route.version}" if granted.route.version else ""
        answered = bool(self.tries) and self.tries[-1].outcome == OK
        return Routing(
            model=granted.upstream_model if granted.route.name.endswith("*") else f"{granted.route.name}{version}",
            provider=granted.provider.id,
            account=granted.account.id,
            deployment=granted.deployment.id,
            upstream_model=granted.upstream_model,
            reason=granted.reason if answered else "",
            simulated=granted.provider.simulated,
            tries=tuple(self.tries),
        )
