"""Making a tool step's call: at most once where repeating could do harm, from the journal where it was made already.

The order is what makes it safe: open the journal's row, or find out about earlier tries first; compare the tool with
its pin; send; close the row. Only then does anybody see the answer.
"""

import asyncio
import json
import os
import platform
from collections import OrderedDict

from domain.errors import NotFound, ToolError, ToolFailed, ToolMissing, ToolRefused
from domain.step import Hold, HoldKind
from domain.tool_server import ToolServer
from domain.tools import Action, Capability, fingerprint
from services.storage import blobs, tool_journal
from services.storage.database import Database
from services.storage.tool_journal import Kept, OpenCall, Planned
from services.storage.uninterrupted import to_the_end
from services.tools.assignment import Assignment, Made, keep
from services.tools.client.answers import Answer
from services.tools.client.connections import Connections
from services.tools.earlier_tries import EarlierTries
from services.tools.look_up import marker, rule_for
from services.tools.progress import Telling
from services.tools.registry import capabilities, servers
from services.tools.registry.refresh import refresh
from services.vault.vault import Vault

FRESH_S = 60.0
"""How old the list may be that a tool is compared with its pin by."""
CONTRACTS = 500
"""Contracts that are remembered; one never changes under its hash."""

_DRIFT = Hold(kind=HoldKind.DRIFT, reason="the tool is not what it was when the step was planned")


class ToolCaller:
    """Makes calls. One a process."""

    def __init__(self, db: Database, vault: Vault, connections: Connections) -> None:
        self._db = db
        self._vault = vault
        self._connections = connections
        self._earlier = EarlierTries(db, connections)
        self._contracts: OrderedDict[str, Capability | None] = OrderedDict()
        self._process = f"{platform.node()}/{os.getpid()}"

    async def call(self, work: Assignment) -> Made | Hold:
        """Return the call's answer, made now or before; or why it cannot be made as things are.

        Raises:
            ToolError: There is no answer; a retryable one may be tried again as it is, by the same call.
            NotFound, Unavailable: As the journal.
        """
        server = await self._server(work)
        planned = _planned(work)
        call = await tool_journal.open_first(self._db, work.key, planned, work.events, process=self._process)
        if call is None:
            known = await self._earlier.known(work, server)
            if known is not None:
                return await self._told(known)
            call = await tool_journal.open_call(self._db, work.key, planned, process=self._process)
        return await self._make(work, server, call)

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

    async def _told(self, known: Kept | Hold) -> Made | Hold:
        return known if isinstance(known, Hold) else Made(known, await blobs.load(self._db, known.text))

    async def _make(self, work: Assignment, server: ToolServer, call: OpenCall) -> Made | Hold:
        sent = False
        try:
            if not await self._is_as_pinned(work, server):
                return await self._drifted(call)
            sent = True
            answer = await self._send(work, server, call)
        except ToolError as error:
            return await self._without_answer(work, server, call, error)
        except asyncio.CancelledError:
            await to_the_end(self._failed(work, call, ToolError("cancelled"), uncertain=sent))
            raise
        kept, _ = await to_the_end(keep(self._db, work, call, answer, found=False))
        return Made(kept, answer.text)

    async def _drifted(self, call: OpenCall) -> Hold:
        await tool_journal.fail(self._db, call, code="tool_drifted", message=_DRIFT.reason, uncertain=False)
        return _DRIFT

    async def _is_as_pinned(self, work: Assignment, server: ToolServer) -> bool:
        """Compare the tool as the server tells it now with the pin; the registry is told of any difference."""
        pinned = Action(server=server.id, type=work.action.type, name=work.call.pin.capability)
        now = await self._connections.contract(server, work.owner, pinned, FRESH_S)
        if now is not None and fingerprint(now) == work.call.pin.hash:
            return True
        if now is None:
            raise ToolMissing(f"{work.action} is not there any more")
        await refresh(self._db, self._connections, server, "error")
        return False

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
        known = await self._earlier.known(work, server)
        if known is None:
            raise error
        return await self._told(known)

    async def _send(self, work: Assignment, server: ToolServer, call: OpenCall) -> Answer:
        arguments = await blobs.load(self._db, work.call.arguments)
        contract = await self._contract(work.call.pin.hash)
        async with Telling(self._db, call, work.heard) as telling:
            return await self._connections.call(
                server,
                work.owner,
                work.action,
                json.loads(arguments),
                timeout_s=work.timeout_s,
                output_schema=None if contract is None else contract.output_schema,
                on_progress=telling.tell,
            )

    async def _contract(self, fingerprinted: str) -> Capability | None:
        if fingerprinted not in self._contracts:
            self._contracts[fingerprinted] = await capabilities.contract(self._db, fingerprinted)
            while len(self._contracts) > CONTRACTS:
                self._contracts.popitem(last=False)
        return self._contracts.get(fingerprinted)

    async def _failed(self, work: Assignment, call: OpenCall, error: ToolError, *, uncertain: bool) -> None:
        doubtful = uncertain and not work.call.may_repeat
        await tool_journal.fail(self._db, call, code=error.code, message=str(error), uncertain=doubtful)


def _planned(work: Assignment) -> Planned:
    return Planned(
        action=work.action,
        effect=work.call.pin.effect,
        arguments=work.call.arguments,
        marker=marker(work.key.request_id, work.key.slot, work.key.launch),
        may_repeat=work.call.may_repeat,
    )
