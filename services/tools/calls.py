"""Making a tool step's call: at most once where repeating could do harm, from the journal where it was made already.

The order is what makes it safe: look into the journal, find out about a write that may have happened, compare the tool
with its pin, open the journal's row, send, close the row. Only then does anybody see the answer.
"""

import asyncio
import json
import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from domain.content import Text
from domain.errors import NotFound, ToolError, ToolFailed, ToolMissing, ToolRefused
from domain.events import Event
from domain.step import Hold, HoldKind
from domain.tool_server import LookUp, ToolServer
from domain.tools import Action, ReadyCall, fingerprint
from services.storage import blobs, tool_journal
from services.storage.database import Database
from services.storage.tool_journal import Kept, OpenCall, Planned, ToolCallKey, Uncertain
from services.storage.uninterrupted import to_the_end
from services.tools.client.answers import Answer, Progress
from services.tools.client.connections import Connections
from services.tools.look_up import Reading, look_up, marker, reading_of, rule_for
from services.tools.progress import Telling
from services.tools.registry import capabilities, servers
from services.tools.registry.refresh import refresh
from services.vault.vault import Vault

FRESH_S = 60.0
"""How old the list may be that a tool is compared with its pin by."""

Conclude = Callable[[Kept, str], tuple[Event, ...]]


@dataclass(frozen=True)
class Assignment:
    """A call to make.

    Attributes:
        events: What goes into the log when the call is opened.
        again: A person says that a write that may have happened is to be made again.
        timeout_s: Bound on the call itself.
        conclude: Makes the events that go with the answer, from what is kept and the whole text.
        heard: Told the progress that the server tells.
    """

    key: ToolCallKey
    owner: str
    action: Action
    call: ReadyCall
    events: Sequence[Event] = ()
    again: bool = False
    timeout_s: float = 60.0
    conclude: Conclude = field(default=lambda _kept, _text: ())
    heard: Callable[[Progress], None] = field(default=lambda _progress: None)


@dataclass(frozen=True)
class Made:
    """The answer, stored; `text` is the whole of it."""

    kept: Kept
    text: str


_DRIFT = Hold(kind=HoldKind.DRIFT, reason="the tool is not what it was when the step was planned")
_UNCERTAIN = Hold(kind=HoldKind.UNCERTAIN, reason="the call may have taken effect, and nothing here can tell")


class ToolCaller:
    """Makes calls. One a process."""

    def __init__(self, db: Database, vault: Vault, connections: Connections) -> None:
        self._db = db
        self._vault = vault
        self._connections = connections
        self._process = f"{platform.node()}/{os.getpid()}"

    async def call(self, work: Assignment) -> Made | Hold:
        """Return the call's answer, made now or before; or why it cannot be made as things are.

        Raises:
            ToolError: There is no answer; a retryable one may be tried again as it is, by the same call.
            NotFound, Unavailable: As the journal.
        """
        server = await self._server(work)
        known = await self._known(work, server)
        if isinstance(known, Hold):
            return known
        if isinstance(known, Kept):
            return Made(known, await blobs.load(self._db, known.text))
        return await self._make(work, server) if await self._is_as_pinned(work, server) else _DRIFT

    async def _server(self, work: Assignment) -> ToolServer:
        try:
            server = await servers.load(self._db, self._vault, work.action.server)
        except NotFound:
            raise ToolRefused(f"there is no tool server {work.action.server!r} any more") from None
        if server.disabled:
            raise ToolRefused(f"the tool server {server.id!r} is disabled")
        if server.options.owners is not None and work.owner not in server.options.owners:
            raise ToolRefused(f"the tool server {server.id!r} is not for this user")
        return server

    async def _known(self, work: Assignment, server: ToolServer) -> Kept | Hold | None:
        """Return the launch's answer if it was made before. None: no write of it has happened."""
        looked = await tool_journal.look(self._db, work.key, left=work.again)
        return looked if isinstance(looked, Kept) else await self._look_up(work, server, looked)

    async def _look_up(
        self, work: Assignment, server: ToolServer, uncertain: tuple[Uncertain, ...]
    ) -> Kept | Hold | None:
        """Find out about writes that may have happened. None: none of them did."""
        rule = rule_for(server.options, work.action)
        if uncertain and rule is None:
            return _UNCERTAIN
        for one in uncertain:
            sent = (work.action, json.loads(await blobs.load(self._db, one.arguments)), one.marker)
            looked = await look_up(await self._reading(work, server, rule), server, sent)
            if looked is None:
                return _UNCERTAIN
            if not looked.happened:
                await tool_journal.settle_uncertain(self._db, one.call)
            elif await self._is_this_call(work, one):
                return await self._keep(work, one.call, Answer(text=looked.text), found=True)
            else:
                await self._keep_for_the_record(one.call, looked.text)
        return None

    async def _is_this_call(self, work: Assignment, one: Uncertain) -> bool:
        """Return whether a write is the one that is to be made, and not another that an amendment has replaced."""
        if one.call.key.launch == work.key.launch:
            return True
        now = await blobs.load(self._db, work.call.arguments)
        then = await blobs.load(self._db, one.arguments)
        mine = marker(work.key.request_id, work.key.slot, work.key.launch)
        return then.replace(one.marker, "") == now.replace(mine, "")

    async def _keep_for_the_record(self, call: OpenCall, text: str) -> None:
        kept = Kept(text=await blobs.put(self._db, text))
        await tool_journal.finish(self._db, call, kept, (), found=True)

    async def _reading(self, work: Assignment, server: ToolServer, rule: LookUp | None) -> Reading:
        """Return how a look-up reads; the reading tool's schema says how its answer is wrapped."""
        found = None if rule is None else await capabilities.find(self._db, reading_of(rule, server), work.owner)
        return Reading(self._connections, work.owner, None if found is None else found.capability.output_schema)

    async def _is_as_pinned(self, work: Assignment, server: ToolServer) -> bool:
        """Compare the tool as the server tells it now with the pin; the registry is told of any difference."""
        pinned = Action(server=server.id, type=work.action.type, name=work.call.pin.capability)
        now = await self._connections.contract(server, work.owner, pinned, FRESH_S)
        if now is not None and fingerprint(now) == work.call.pin.hash:
            return True
        await refresh(self._db, self._connections, server, "error")
        if now is None:
            raise ToolMissing(f"{work.action} is not there any more")
        return False

    async def _make(self, work: Assignment, server: ToolServer) -> Made | Hold:
        arguments = await blobs.load(self._db, work.call.arguments)
        planned = Planned(
            action=work.action,
            effect=work.call.pin.effect,
            arguments=work.call.arguments,
            marker=marker(work.key.request_id, work.key.slot, work.key.launch),
            may_repeat=work.call.may_repeat,
        )
        call = await tool_journal.open_call(self._db, work.key, planned, work.events, process=self._process)
        try:
            answer = await self._send(work, server, call, json.loads(arguments))
        except ToolError as error:
            return await self._without_answer(work, server, call, error)
        except asyncio.CancelledError:
            cancelled = ToolError("cancelled")
            await to_the_end(self._failed(work, call, cancelled, uncertain=True))
            raise
        kept, _ = await to_the_end(self._keep(work, call, answer, found=False))
        return Made(kept, answer.text)

    async def _without_answer(
        self, work: Assignment, server: ToolServer, call: OpenCall, error: ToolError
    ) -> Made | Hold:
        """Close a call that gave no answer, and find out what became of it where no later attempt will.

        A tool that says that it failed is believed, unless it is a write that can be looked up: some fail after it.

        Raises:
            ToolError: There is no answer, and nothing happened or another attempt will look.
        """
        says_no = isinstance(error, ToolFailed) and rule_for(server.options, work.action) is not None
        doubtful = (error.may_have_happened or says_no) and not work.call.may_repeat
        await self._failed(work, call, error, uncertain=doubtful)
        if isinstance(error, ToolMissing):
            await refresh(self._db, self._connections, server, "error")
        if error.retryable or not doubtful:
            raise error
        known = await self._known(work, server)
        if isinstance(known, Hold):
            return known
        if known is None:
            raise error
        return Made(known, await blobs.load(self._db, known.text))

    async def _send(self, work: Assignment, server: ToolServer, call: OpenCall, arguments: dict[str, Any]) -> Answer:
        contract = await capabilities.contract(self._db, work.call.pin.hash)
        async with Telling(self._db, call, work.heard) as telling:
            return await self._connections.call(
                server,
                work.owner,
                work.action,
                arguments,
                timeout_s=work.timeout_s,
                output_schema=None if contract is None else contract.output_schema,
                on_progress=telling.tell,
            )

    async def _failed(self, work: Assignment, call: OpenCall, error: ToolError, *, uncertain: bool) -> None:
        doubtful = uncertain and not work.call.may_repeat
        await tool_journal.fail(self._db, call, code=error.code, message=str(error), uncertain=doubtful)

    async def _keep(self, work: Assignment, call: OpenCall, answer: Answer, *, found: bool) -> Kept:
        stored: Text = await blobs.put(self._db, answer.text)
        kept = Kept(text=stored, marks=answer.marks)
        if not await tool_journal.finish(self._db, call, kept, work.conclude(kept, answer.text), found=found):
            raise ToolRefused("another worker has taken this call over")
        return kept
