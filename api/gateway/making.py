"""From what a client asks to a call under way: permission, Idempotency-Key, result cache, row, workflow."""

import hashlib
import json
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from api.caller import Caller
from api.gateway.accepting import Wanted, accept, launch_of
from api.gateway.cache_wish import CacheWish
from api.gateway.call_news import CallNews
from api.gateway.pieces import START, Place
from api.gateway.problems import of_error, refusal
from api.gateway.starting import CallRef, start_call, take_off
from api.granted import may_use
from api.limiting import count_call
from api.parts import Parts
from domain import ids
from domain.cache_key import cache_key
from domain.errors import ModelUnknown
from domain.gateway import CallOptions, CallOutcome
from domain.model_pool import Route
from services.storage import gateway_calls, result_cache
from services.storage.gateway_calls import CallView
from services.storage.requests import Idempotency
from services.storage.result_cache import Hit, Making

_CALL_S: Final = 600.0
_MARGIN_S: Final = 60.0
"""How much longer than a call may take its maker holds the cache's key."""


@dataclass(frozen=True)
class Found:
    """A call that has ended: its answer is to be replayed. `hit`: from the result cache."""

    call_id: str
    outcome: CallOutcome
    hit: bool = False


@dataclass(frozen=True)
class UnderWay:
    """A call that is being made.

    Attributes:
        begun: It was begun by this very request.
        ours: It was begun for this caller alone, who may come back to it by no key: leaving ends it.
        instead: How to make our own, should this one, which is another's, fail.
    """

    news: CallNews
    begun: bool = False
    ours: bool = False
    instead: "Callable[[], Awaitable[UnderWay | Found]] | None" = None


def new_call_id() -> str:
    """Return a new id."""
    return ids.gateway_call_id(time.time_ns() // 1_000_000, secrets.randbits(80))


def permitted(parts: Parts, caller: Caller, asked: str) -> Route:
    """Return the route that a model's name leads to.

    Raises:
        GatewayProblem: 404 when there is none, 403 when it is not the caller's to use.
    """
    route = None if parts.pool is None else parts.pool.route(asked)
    if route is None:
        raise of_error(ModelUnknown(f"there is no model {asked!r}"))
    if not may_use(caller, route, asked):
        raise of_error(ModelUnknown(f"you may not use the model {asked!r}", forbidden=True))
    return route


def encoded(body: Mapping[str, Any]) -> str:
    """Return a body as compact JSON.

    Raises:
        GatewayProblem: 400 when a number in it is none that JSON has.
    """
    try:
        return json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except ValueError:
        raise refusal(400, "invalid_value", "a number in the body is out of range") from None


def idempotency_of(route: str, key: str | None, fingerprint: Mapping[str, Any]) -> Idempotency | None:
    """Return where a repeated call is recognised; bodies are compared by what they say, not by their spacing."""
    if key is None:
        return None
    canonical = json.dumps(fingerprint, sort_keys=True, separators=(",", ":"))
    return Idempotency(route, key, hashlib.sha256(canonical.encode()).hexdigest())


async def make(parts: Parts, wanted: Wanted, call_id: str | None = None) -> UnderWay | Found:
    """Accept the call and start its workflow, or find the one that its key has.

    Raises:
        IdempotencyKeyReused: The key was used with another body.
        LimitReached: A limit of the caller's has no room for it.
        InsufficientFunds, FundsOnHold, BudgetSpent: There is no money for it.
        Unavailable: The database or Temporal does not answer.
    """
    ref = CallRef(call_id or new_call_id(), wanted.caller.owner)
    news = CallNews(parts, ref, START)
    try:
        launch = await accept(parts, wanted, ref)
        if launch is not None:
            await take_off(parts, launch, comes_back=wanted.key is not None)
            return UnderWay(news, begun=True, ours=wanted.key is None and not wanted.options.background)
    except BaseException:
        news.close()
        raise
    news.close()
    if wanted.key is None:
        raise AssertionError("only a key finds an earlier call")
    return await _made_earlier(parts, wanted.caller, wanted.key)


async def _made_earlier(parts: Parts, caller: Caller, key: Idempotency) -> UnderWay | Found:
    """Find the call that the key has; one that has not ended is started, for its start may have failed."""
    view = await gateway_calls.read_by_key(parts.database, caller.owner, key)
    if view.outcome is not None:
        return Found(view.id, view.outcome)
    ref = CallRef(view.id, caller.owner)
    news = CallNews(parts, ref, START, late=True)
    try:
        await start_call(parts, launch_of(parts, ref, caller.tenant, view.body, view.options))
    except BaseException:
        news.close()
        raise
    return UnderWay(news)


async def join(parts: Parts, ref: CallRef, start: Place) -> UnderWay | Found:
    """Find a call that was accepted earlier. Who has a part of its answer is led through the log, attempt by attempt.

    Raises:
        NotFound: There is none, or it is another owner's.
        Unavailable: The database does not answer.
    """
    return _joined(parts, ref.owner, await gateway_calls.read(parts.database, ref.owner, ref.id), start)


async def join_by_key(parts: Parts, owner: str, key: Idempotency, start: Place) -> UnderWay | Found:
    """Find, as `join`, the call that a key stands for; another of the tenant may have made it.

    Raises:
        NotFound: There is none.
        Unavailable: The database does not answer.
    """
    return _joined(parts, owner, await gateway_calls.read_by_key(parts.database, owner, key), start)


def _joined(parts: Parts, owner: str, view: CallView, start: Place) -> UnderWay | Found:
    if view.outcome is not None and start == START:
        return Found(view.id, view.outcome)
    return UnderWay(CallNews(parts, CallRef(view.id, owner), start, late=True))


async def make_cached(parts: Parts, wanted: Wanted, route: Route, wish: CacheWish) -> UnderWay | Found:
    """Find the answer in the result cache, or the call that makes it; else make it, to be kept.

    A key that is known has its own answer, and the cache is not asked.

    Raises:
        IdempotencyKeyReused: The key was used with another body.
        Unavailable: The database or Temporal does not answer.
    """
    db, owner, options = parts.database, wanted.caller.owner, wanted.options
    scope = wanted.caller.tenant
    if wanted.key is not None and await gateway_calls.recall(db, owner, wanted.key) is not None:
        return await make(parts, wanted)
    key = cache_key(options.endpoint, f"{route.name}@{route.version}", wanted.body)
    call_id = new_call_id()
    hold_s = _hold_s(options, route)
    found = await result_cache.claim(db, scope, key, call_id, hold_s=hold_s, max_age_s=wish.max_age_s)
    if found is not None:
        await count_call(parts, wanted.caller)
    if isinstance(found, Hit):
        if wanted.key is not None:
            await gateway_calls.remember(db, owner, wanted.key, found.call_id)
        return Found(found.call_id, found.outcome, hit=True)
    if isinstance(found, Making):
        news = CallNews(parts, CallRef(found.call_id, owner), START, late=True)
        return UnderWay(news, instead=partial(make, parts, wanted))
    kept = options.model_copy(update={"cache_key": key, "cache_scope": scope, "cache_ttl_s": route.cache_ttl_s})
    return await _make_kept(parts, replace(wanted, options=kept), call_id, key)


async def _make_kept(parts: Parts, wanted: Wanted, call_id: str, key: str) -> UnderWay | Found:
    """Make a call that holds a key of the cache; should it not come to be, free the key for others."""
    try:
        made = await make(parts, wanted, call_id)
    except BaseException:
        await result_cache.release(parts.database, wanted.caller.tenant, key, call_id)
        raise
    if isinstance(made, Found) or made.news.call.id != call_id:
        await result_cache.release(parts.database, wanted.caller.tenant, key, call_id)
    return made


def _hold_s(options: CallOptions, route: Route) -> float:
    """Return how long the call may take at most, and a little more."""
    takes = options.timeout_s or route.timeout_s or _CALL_S
    return takes + (options.wait_s or 0) + _MARGIN_S
