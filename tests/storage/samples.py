"""Requests and events to test with."""

import asyncio
import itertools
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from domain import ids
from domain.content import Text
from domain.events import Event, EventType
from services.storage import events, requests
from services.storage.database import Database
from services.storage.events import StoredEvent

OWNER = "owner-a"
_counter = itertools.count(1)


def new_id() -> str:
    return ids.request_id(time.time_ns() // 1_000_000, secrets.randbits(80))


def new_request(**changes: Any) -> requests.NewRequest:
    fields: dict[str, Any] = {"request_id": new_id(), "owner": OWNER, "message": Text.inline("Say hello")}
    return requests.NewRequest(**{**fields, **changes})


async def accepted(db: Database, **changes: Any) -> str:
    async with db.transaction() as tx:
        return (await requests.accept(tx, new_request(**changes))).request_id


def event(type_: EventType, source: str = "wf", source_seq: int | None = None, **data: object) -> Event:
    return event_of(type_, data, source, source_seq)


def event_of(type_: EventType, data: Mapping[str, object], source: str = "wf", source_seq: int | None = None) -> Event:
    number = next(_counter) if source_seq is None else source_seq
    return Event(source=source, source_seq=number, type=type_, data={"v": 1, **data})


def phase(name: str, source: str = "wf", source_seq: int | None = None) -> Event:
    return event(EventType.REQUEST_PHASE, source, source_seq, phase=name, paused=False)


async def append(db: Database, request_id: str, *given: Event) -> list[StoredEvent]:
    async with db.transaction() as tx:
        return await events.append(tx, request_id, given)


async def log(db: Database, request_id: str) -> list[StoredEvent]:
    async with db.transaction() as tx:
        return await events.read(tx, request_id, 0, 100_000)


async def until(condition: Callable[[], Awaitable[bool]], limit_s: float = 10) -> None:
    async with asyncio.timeout(limit_s):
        while not await condition():
            await asyncio.sleep(0.01)
