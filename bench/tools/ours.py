"""The product's own layers over the SDK, called alone: the connection, then the journaled call."""

import json
import secrets
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final

from bench.tools.bare import CallFailedError
from bench.tools.way import SLOW, TEXT, Transport, Way, timed
from domain import ids
from domain.caller import LOCAL_USER
from domain.content import Text
from domain.tool_server import ToolServer
from domain.tools import Action, ActionType, ReadyCall
from services.storage import requests
from services.storage.database import Database
from services.storage.tool_journal import ToolCallKey
from services.tools.assignment import Assignment, Made
from services.tools.calls import ToolCaller
from services.tools.client.connections import Connections
from services.tools.registry import capabilities

CONNECTION: Final = "Connections.call"
JOURNALED: Final = "ToolCaller.call"
OWNER: Final = LOCAL_USER
STEP: Final = "s1"
TIMEOUT_S: Final = 30.0


@dataclass
class Requests:
    """Accepted requests, one for each call: a log that grows over all calls would be another thing to measure."""

    db: Database
    _ids: deque[str] = field(default_factory=deque[str])

    async def prepare(self, count: int) -> None:
        """Have so many ready."""
        while len(self._ids) < count:
            new = requests.NewRequest(request_id=_new_id(), owner=OWNER, message=Text.inline(TEXT))
            async with self.db.transaction() as tx:
                await requests.accept(tx, new)
            self._ids.append(new.request_id)

    def take(self) -> str:
        """One that nobody has used."""
        return self._ids.popleft()


async def ready_call(db: Database, server: ToolServer, name: str, arguments: dict[str, Any]) -> ReadyCall:
    """A call as `prepare_call` makes it: exact arguments, and the contract's pin."""
    found = await capabilities.find(db, action_of(server, name), OWNER)
    if found is None or not found.usable:
        raise CallFailedError(f"{server.id} offers no {name} that may be used")
    return ReadyCall(arguments=Text.inline(json.dumps(arguments)), pin=found.pin)


def action_of(server: ToolServer, name: str) -> Action:
    """What calls one of its tools."""
    return Action(server=server.id, type=ActionType.TOOL, name=name)


async def connection(db: Database, connections: Connections, transport: Transport, server: ToolServer) -> Way:
    """`Connections.call` with the tool's output schema, as `ToolCaller` calls it."""
    pin = (await ready_call(db, server, "echo", {})).pin
    contract = await capabilities.contract(db, pin.hash)
    schema = None if contract is None else contract.output_schema

    async def echo() -> None:
        await connections.call(
            server, OWNER, action_of(server, "echo"), {"text": TEXT}, timeout_s=TIMEOUT_S, output_schema=schema
        )

    async def slow() -> None:
        await connections.call(server, OWNER, action_of(server, "slow"), SLOW, timeout_s=TIMEOUT_S)

    return Way(CONNECTION, transport, timed(echo), timed(slow))


async def journaled(accepted: Requests, caller: ToolCaller, transport: Transport, server: ToolServer) -> Way:
    """`ToolCaller.call`: the server's row, the journal, the comparison with the pin, the call, the answer's events."""
    echo = await ready_call(accepted.db, server, "echo", {"text": TEXT})
    slow = await ready_call(accepted.db, server, "slow", SLOW)

    async def call(name: str, ready: ReadyCall) -> None:
        key = ToolCallKey(accepted.take(), STEP, round=1, launch=1)
        made = await caller.call(Assignment(key, OWNER, action_of(server, name), ready, timeout_s=TIMEOUT_S))
        if not isinstance(made, Made):
            raise CallFailedError(f"{name} of {server.id}: {made.reason}")

    return Way(
        JOURNALED,
        transport,
        timed(lambda: call("echo", echo)),
        timed(lambda: call("slow", slow)),
        prepare=accepted.prepare,
    )


def _new_id() -> str:
    return ids.request_id(time.time_ns() // 1_000_000, secrets.randbits(80))
