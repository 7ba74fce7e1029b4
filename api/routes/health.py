"""Whether the process lives, and whether it can serve."""

import asyncio
from collections.abc import Awaitable
from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from api.caller import caller_if_any
from api.parts import PartsOf
from api.problems import errors
from api.temporal_calls import ping
from domain.errors import Unavailable
from domain.permissions import Permission
from services.llm.admin import PoolAdmin, PoolStanding

router = APIRouter(tags=["health"])
LIMIT_S = 1.0
State = Literal["up", "down"]


class Live(BaseModel):
    """The process answers."""

    status: Literal["live"] = "live"


class Ready(BaseModel):
    """Whether requests can be taken, and which part is down if not."""

    status: Literal["ready", "not_ready"]
    database: State
    temporal: State


class Health(BaseModel):
    """How the installation stands. `degraded`: it serves, but part of the model pool is out of use.

    `pool`: the model pool, for callers who may read it; null: there is none, or the database does not tell.
    """

    status: Literal["healthy", "degraded", "down"]
    database: State
    temporal: State
    pool: PoolStanding | None


@router.get("/livez", responses=errors(403))
async def live() -> Live:
    """Answer as long as the process does; asks nobody else."""
    return Live()


@router.get("/readyz", responses={503: {"model": Ready, "description": "A part is down."}, **errors(403)})
async def ready(parts: PartsOf, response: Response) -> Ready:
    """Answer 200 when the database and Temporal do, each within a second; else 503."""
    database, temporal = await asyncio.gather(_state(parts.database.ping()), _state(ping(parts.temporal)))
    up = database == temporal == "up"
    response.status_code = 200 if up else 503
    return Ready(status="ready" if up else "not_ready", database=database, temporal=temporal)


@router.get("/health", responses={503: {"model": Health, "description": "A part is down."}, **errors(403)})
async def health(parts: PartsOf, request: Request, response: Response) -> Health:
    """Tell what is down or out of use: database, Temporal; parked accounts, silent nodes to who may read the pool."""
    found = await ready(parts, response)
    pool = await _pool(parts.pool) if isinstance(parts.pool, PoolAdmin) and found.database == "up" else None
    down = found.status == "not_ready"
    degraded = pool is not None and (pool.parked > 0 or bool(pool.silent_nodes))
    status: Literal["healthy", "degraded", "down"] = "down" if down else "degraded" if degraded else "healthy"
    shown = pool if pool is not None and await _may_read_pool(request) else None
    return Health(status=status, database=found.database, temporal=found.temporal, pool=shown)


async def _may_read_pool(request: Request) -> bool:
    caller = await caller_if_any(request)
    return caller is not None and caller.may(Permission.POOL_READ)


async def _pool(pool: PoolAdmin) -> PoolStanding | None:
    try:
        async with asyncio.timeout(LIMIT_S):
            return await pool.standing()
    except (Unavailable, TimeoutError):
        return None


async def _state(check: Awaitable[None]) -> State:
    try:
        async with asyncio.timeout(LIMIT_S):
            await check
    except (Unavailable, TimeoutError):
        return "down"
    return "up"
