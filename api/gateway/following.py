"""Beginning a gateway call, or joining one, and following it to its end: what every door of the gateway stands on."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Self

from api.caller import Caller
from api.gateway.accepting import Wanted
from api.gateway.cache_wish import wish_of
from api.gateway.call_news import replay
from api.gateway.making import (
    Found,
    UnderWay,
    encoded,
    idempotency_of,
    join,
    join_by_key,
    make,
    make_cached,
    permitted,
)
from api.gateway.pieces import START, CacheUse, End, Piece, Place
from api.gateway.problems import refusal
from api.gateway.starting import CallRef, cancel_soon
from api.limiting import count_call
from api.parts import Parts
from domain.gateway import CallOptions, CallOutcome
from domain.live_settings import LONGEST_CALL_S
from domain.model_pool import Route
from services.storage import gateway_calls

__all__ = ["Asked", "CacheUse", "End", "Following", "Piece", "Place", "begin", "follow"]


@dataclass(frozen=True)
class Asked:
    """A call as a client asks it. `body`: in the OpenAI API's form, with `model`.

    Attributes:
        route: The door, such as `POST /v1/chat/completions`: where its Idempotency-Keys are kept.
        fingerprint: What two calls with one Idempotency-Key must have in common, as JSON; None: `body`.
        cache_control: The request's Cache-Control header.
        after: The last chunk that the client has, from `Last-Event-ID`; -1: none. `attempt`: of which attempt.
        resumes: The call that `Last-Event-ID` names, which must be the Idempotency-Key's; None: there was none.
    """

    route: str
    body: Mapping[str, Any]
    options: CallOptions
    idempotency_key: str | None = None
    cache_control: str | None = None
    attempt: int = 1
    after: int = -1
    fingerprint: Mapping[str, Any] | None = None
    resumes: str | None = None

    @property
    def start(self) -> Place:
        """How far the client is."""
        return Place(self.attempt, self.after)


class Following:
    """A call under way, or ended. Leave `async with` early and a call that nobody else may come back to is cancelled.

    Attributes:
        outcome: How the call ended, as soon as that is known.
    """

    def __init__(self, parts: Parts, found: UnderWay | Found, start: Place, cache: CacheUse) -> None:
        """Take over a call that is listened to already."""
        self.cache = cache
        self.outcome: CallOutcome | None = None
        self._parts = parts
        self._start = start
        self._found = found
        if isinstance(found, Found):
            self.outcome = found.outcome

    @property
    def call_id(self) -> str:
        """The call's id."""
        return self._found.call_id if isinstance(self._found, Found) else self._found.news.call.id

    @property
    def began_it(self) -> bool:
        """Whether the call was begun by this very request, and not joined, replayed or found in the cache."""
        return isinstance(self._found, UnderWay) and self._found.begun

    @property
    def simulated(self) -> bool:
        """Whether the answer is a stand-in's; before it is known who answers, whether all answers here are."""
        return self._parts.deployment.simulated if self.outcome is None else self.outcome.routing.simulated

    async def __aenter__(self) -> Self:
        """Follow; listening has begun already."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop listening; cancel a call without an Idempotency-Key that has not ended, unless others follow it."""
        found = self._found
        if isinstance(found, Found):
            return
        found.news.close()
        if found.ours and self.outcome is None and not self._others_listen():
            cancel_soon(self._parts, self.call_id)

    async def news(self) -> AsyncGenerator[Piece | End | None, None]:
        """Yield the answer's pieces from where the client was, then its end. None: nothing came for 15 s."""
        async with aclosing(self._follow(hands_out=True)) as news:
            async for each in news:
                yield each

    async def end(self) -> End:
        """Wait for the end."""
        async with aclosing(self._follow(hands_out=False)) as news:
            async for each in news:
                if isinstance(each, End):
                    return each
        raise AssertionError("news end with the end")

    async def _follow(self, *, hands_out: bool) -> AsyncGenerator[Piece | End | None, None]:
        """Follow the call; if it was another's and failed before anything was handed out, one of our own instead."""
        given = False
        end: End | None = None
        async with aclosing(self._source()) as news:
            async for each in news:
                if isinstance(each, End):
                    end = each
                    break
                given = given or (hands_out and isinstance(each, Piece))
                yield each
        if end is not None and not given and await self._made_own(end):
            async with aclosing(self._follow(hands_out=hands_out)) as own:
                async for each in own:
                    yield each
        elif end is not None:
            self.outcome = end.outcome
            yield end

    def _source(self) -> AsyncGenerator[Piece | End | None, None]:
        if isinstance(self._found, Found):
            return replay(self._parts, self._found.outcome, self._start)
        return self._found.news.follow()

    async def _made_own(self, end: End) -> bool:
        """If the call was another's and failed, begin our own and return True."""
        found = self._found
        if isinstance(found, UnderWay) and found.instead is not None and end.outcome.phase != "done":
            found.news.close()
            self._found = await found.instead()
            self.cache = CacheUse.BYPASS
            return True
        return False

    def _others_listen(self) -> bool:
        live = self._parts.live
        return live is not None and live.is_followed(self.call_id)


async def begin(parts: Parts, caller: Caller, asked: Asked) -> Following:
    """Accept a call and start its workflow; or find it by its Idempotency-Key, or its answer in the result cache.

    Raises:
        GatewayProblem: The model is unknown or forbidden, a number is out of range, or `resumes` is not the key's call.
        IdempotencyKeyReused: The key was used with another body.
        Unavailable: The database or Temporal does not answer.
    """
    route = permitted(parts, caller, asked.options.model)
    fingerprint = asked.body if asked.fingerprint is None else asked.fingerprint
    key = idempotency_of(asked.route, asked.idempotency_key, fingerprint)
    wanted = Wanted(caller, route, asked.body, encoded(asked.body), _with_defaults(parts, asked.options, route), key)
    if asked.resumes is not None:
        return await _resume(parts, wanted, asked)
    uncached = asked.options.background or not parts.values.result_cache  # nobody waits behind a queue
    wish = None if uncached else wish_of(asked.cache_control, route)
    if wish is None:
        return Following(parts, await make(parts, wanted), START, CacheUse.BYPASS)
    found = await make_cached(parts, wanted, route, wish)
    return Following(parts, found, START, _cache_use(found))


async def follow(parts: Parts, caller: Caller, call_id: str, start: Place) -> Following:
    """Follow a call that was begun earlier, from `start` on; leaving does not end it.

    Raises:
        NotFound: There is none, or it is another owner's.
        Unavailable: The database does not answer.
    """
    found = await join(parts, CallRef(call_id, caller.owner), start)
    return Following(parts, found, start, CacheUse.BYPASS)


async def _resume(parts: Parts, wanted: Wanted, asked: Asked) -> Following:
    if wanted.key is None:
        raise refusal(400, "last_event_id_without_key", "Last-Event-ID needs the Idempotency-Key of its call", None)
    owner = wanted.caller.owner
    known = await gateway_calls.recall(parts.database, owner, wanted.key)
    if known is None or known != asked.resumes:
        raise refusal(400, "invalid_last_event_id", "Last-Event-ID is of another call than the Idempotency-Key", None)
    await count_call(parts, wanted.caller)
    found = await join_by_key(parts, owner, wanted.key, asked.start)
    return Following(parts, found, asked.start, CacheUse.BYPASS)


def _with_defaults(parts: Parts, options: CallOptions, route: Route) -> CallOptions:
    """Return the options with what the route says where the caller does not, and the settings where neither does."""
    said: dict[str, float] = {}
    if options.wait_s is None:
        said["wait_s"] = route.wait_s
    bound = parts.values.call_timeout_s
    if options.timeout_s is None and route.timeout_s is None and bound < LONGEST_CALL_S:
        said["timeout_s"] = bound
    return options.model_copy(update=said) if said else options


def _cache_use(found: UnderWay | Found) -> CacheUse:
    if isinstance(found, Found):
        return CacheUse.HIT if found.hit else CacheUse.BYPASS
    return CacheUse.MISS if found.instead is None else CacheUse.HIT
