"""The pool of a process: gives calls a place at an account, within every limit, and remembers how they went."""

import asyncio
import random
import secrets
import time
from collections.abc import Callable
from typing import Protocol

from domain import ids
from domain.errors import NoCapacity, Unavailable
from domain.model_pool import Strategy
from domain.routing import Circumstances
from services.llm.pool import leases, sessions
from services.llm.pool.choosing import Choice, Way, choose, upstream_model, ways
from services.llm.pool.keeper import LeaseKeeper
from services.llm.pool.leases import Claim, Settled
from services.llm.pool.paces import Paces
from services.llm.pool.port import Granted, LeaseEnd, Need
from services.llm.pool.settling import Settling, settle_in
from services.llm.pool.snapshot import Snapshot
from services.llm.pool.wording import Heard, reason, refused
from services.llm.prices import Prices
from services.storage.database import Database
from services.storage.statements import Statements

ASKED_AT_ONCE = 4
"""Claims that a process has before the database at a time: they wait for each other there, and others need connections
too."""


class Configuration(Protocol):
    """Where the newest configuration is to be had (`services.llm.pool.catalogue.Catalogue`)."""

    @property
    def snapshot(self) -> Snapshot:
        """The newest copy; version 0: nothing was read yet."""
        ...


class ModelPool:
    """Implements `services.llm.pool.port.Pool`; one a process."""

    def __init__(
        self,
        db: Database,
        catalogue: Configuration,
        prices: Prices,
        process: str,
        *,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Take the process's own parts; they stay their maker's to close. `process` names it for people."""
        self._db = db
        self._catalogue = catalogue
        self._prices = prices
        self._process = process
        self._chance = chance
        self._keeper = LeaseKeeper(db)
        self._settling = Settling(db)
        self._paces = Paces(db)
        self._asking = asyncio.Semaphore(ASKED_AT_ONCE)

    async def start(self) -> None:
        """Keep leases alive from now on. The catalogue is started by its maker."""
        await self._keeper.start()

    async def close(self) -> None:
        """Stop keeping leases alive; what is open expires."""
        await self._keeper.close()

    async def take(self, need: Need) -> Granted:
        """Choose a deployment and take a lease, see `Pool.take`.

        The routes are asked in order: the one asked for, then its fallbacks. A call that waits goes past a route only
        when all that could answer there is out of use or has failed it; where something is merely at its limit, it
        queues. One that does not wait, or that has failed elsewhere, goes past both.
        """
        if self._keeper.full:
            raise NoCapacity("this process has too many open calls", 1.0)
        snapshot = self._catalogue.snapshot
        if not snapshot.version:
            raise Unavailable("the configuration of the pool has not been read yet")
        refusals: list[Heard] = []
        for way in ways(snapshot, need):
            heard = await self._ask(snapshot, way, need)
            if heard.granted is not None:
                return self._granted(snapshot, need, heard, reason(heard, refusals))
            refusals.append(heard)
            if heard.claim.waits and heard.full:
                break
        raise refused(need, refusals)

    async def settle(self, granted: Granted, end: LeaseEnd) -> None:
        """End a lease, see `Pool.settle`."""
        self._keeper.drop(granted.lease_id)
        await self._settling.settle(granted, end)

    async def settle_in(self, where: Statements, granted: Granted, end: LeaseEnd) -> Settled:
        """End a lease as a part of a transaction; `heed` is to follow its commit. Raises Unavailable."""
        self._keeper.drop(granted.lease_id)
        return await settle_in(where, granted, end)

    async def heed(self, granted: Granted, end: LeaseEnd, settled: Settled) -> None:
        """Draw the lessons from what `settle_in` ended; usually nothing is to be done. Raises Unavailable."""
        await self._settling.heed(granted, end, settled)

    def answered(self, granted: Granted) -> None:
        """Note that the first byte of an answer came: the call leaves its windows sooner than by its end."""
        self._keeper.answered(granted.lease_id)

    async def give_up(self, call_id: str) -> None:
        """Forget that a call waits. Raises Unavailable."""
        await leases.give_up(self._db, call_id)

    async def _ask(self, snapshot: Snapshot, way: Way, need: Need) -> Heard:
        """Ask for a place on one route."""
        session = _session(way, need)
        given = Circumstances(
            chance=self._chance() if way.route.strategy is Strategy.WEIGHTED else 0.0,
            paces=await self._paces.now() if way.route.strategy is Strategy.FASTEST else {},
            stays_with=await sessions.deployment(self._db, need.owner, way.name, session) if session else None,
        )
        choice = choose(snapshot, way, need, given, self._prices)
        claim = self._claim(choice, need)
        if not choice.places:
            return Heard(choice, claim, None)
        async with self._asking:
            return Heard(choice, claim, await leases.take(self._db, claim, choice.places))

    def _claim(self, choice: Choice, need: Need) -> Claim:
        return Claim(
            lease_id=f"lease_{ids.uuid7_hex(time.time_ns() // 1_000_000, secrets.randbits(80))}",
            call_id=need.call_id,
            owner=need.owner,
            route=choice.way.name,
            process=self._process,
            input_tokens=need.input_tokens,
            mode=choice.way.mode,
            stays=choice.order.stays,
            waits=need.waits and not need.tried,
            priority=need.priority,
            fairness_key=need.fairness_key or need.owner,
        )

    def _granted(self, snapshot: Snapshot, need: Need, heard: Heard, why: str) -> Granted:
        way, chosen = heard.choice.way, heard.choice.order.candidates[heard.granted or 0]
        deployment = chosen.deployment
        entry = snapshot.accounts[deployment.account_id]
        timeout_s = way.route.timeout_s or deployment.timeout_s
        self._keeper.hold(heard.claim.lease_id, timeout_s)
        return Granted(
            lease_id=heard.claim.lease_id,
            call_id=need.call_id,
            route=way.route,
            provider=entry.provider,
            account=entry.account,
            deployment=deployment,
            target=entry.target,
            upstream_model=upstream_model(deployment.model, way),
            price=chosen.price,
            timeout_s=timeout_s,
            first_token_s=deployment.first_token_s,
            reason=why,
            session=_session(way, need),
        )


def _session(way: Way, need: Need) -> str | None:
    """Return by what a session is known on a route, None: there is none, or the route is not sticky."""
    return sessions.key(need.session) if need.session and way.route.sticky_s else None
