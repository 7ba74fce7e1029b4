"""Letting callers in: calls of the gateway, requests, and every other call of the API, against their caller's limits.

A caller without limits costs nothing: who has some is known (`services.storage.limited_subjects`). One with limits
costs one round trip, which also says how they stand.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Final

from starlette.requests import HTTPConnection

from api import limit_headers
from api.parts import Parts
from api.request_rows import method_of
from domain.caller import Caller
from domain.caller_limits import LimitReached, Standing, subjects_of
from domain.errors import Unavailable
from services.storage import caller_limits
from services.storage.caller_limits import Ask

CALL_LASTS_S: Final = 900.0
"""How long a call of the gateway counts at most whose end is never heard of."""
REQUEST_LASTS_S: Final = 7 * 86_400.0
"""How long a request counts at most: it may wait for people."""

_COUNTED_WITHIN: Final = frozenset(
    {
        "POST /v1/chat/completions",
        "POST /v1/completions",
        "POST /v1/embeddings",
        "POST /v1/messages",
        "POST /v1/responses",
        "WEBSOCKET /v1/chat/ws",
    }
)
"""Routes whose calls are counted by `admit_call`."""
_UNCOUNTED: Final = "/v1/limits"
"""Who has set too low a limit must be able to mend it."""


async def admit_call(
    parts: Parts, caller: Caller, call_id: str, tokens: int, lasts_s: float = CALL_LASTS_S
) -> Standing | None:
    """Let a call of the gateway in. Its end (`call.finished`) settles it; one that is not made is to be given back.

    Args:
        parts: The API's parts.
        caller: Who asks.
        call_id: The call's id.
        tokens: Input and output as they are expected; reserved until the end.
        lasts_s: How long the call may last at most, waits for capacity included.

    Returns:
        How the caller's limits stand; None: there are none.

    Raises:
        LimitReached: One of them has no room.
        Unavailable: The database does not answer.
    """
    return await _admit(parts, caller, Ask((), call_id, tokens=tokens, lasts_s=lasts_s))


async def admit_request(parts: Parts, caller: Caller, request_id: str, tokens: int) -> Standing | None:
    """Let a request in that its route has counted (`count_route`): it is under way until `request.finished`.

    Raises:
        LimitReached, Unavailable: As `admit_call`.
    """
    return await _admit(parts, caller, Ask((), request_id, requests=0, tokens=tokens, lasts_s=REQUEST_LASTS_S))


async def give_back(parts: Parts, standing: Standing | None, call_id: str) -> None:
    """End what was let in and is not made: its tokens and place are free again. `standing`: what letting it in gave."""
    if standing is not None:
        with suppress(Unavailable):  # then it counts until it expires
            await caller_limits.give_back(parts.database, call_id)


@asynccontextmanager
async def kept_if_made(parts: Parts, standing: Standing | None, call_id: str) -> AsyncGenerator[None, None]:
    """Give back what was let in when the block, which accepts it, fails."""
    try:
        yield
    except BaseException:
        await give_back(parts, standing, call_id)
        raise


async def count_call(parts: Parts, caller: Caller) -> None:
    """Count a call of the gateway that makes nothing: another has made, or makes, what it is answered with.

    Raises:
        LimitReached, Unavailable: As `admit_call`.
    """
    await _admit(parts, caller, Ask(()))


async def count_route(connection: HTTPConnection, caller: Caller) -> None:
    """Count the call of a route, unless what it makes is counted, or it is about limits.

    Raises:
        LimitReached, Unavailable: As `admit_call`.
    """
    limit_headers.note(None)
    path: str = connection.scope["path"]
    if path.startswith(_UNCOUNTED) or f"{method_of(connection.scope)} {path}" in _COUNTED_WITHIN:
        return
    await _admit(connection.app.state.parts, caller, Ask(()), of_call=False)


async def _admit(parts: Parts, caller: Caller, ask: Ask, *, of_call: bool = True) -> Standing | None:
    subjects = subjects_of(caller)
    if not parts.limited.any_of(subjects):
        return None
    taken = await caller_limits.take(parts.database, replace(ask, subjects=subjects))
    limit_headers.note(taken.standing)
    if taken.standing is not None and not taken.granted:
        raise LimitReached(taken.standing, ask.tokens, of_call=of_call)
    return taken.standing
