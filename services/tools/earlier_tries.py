"""Finding out what became of earlier tries of a step's call, before it is made again."""

import json

from domain.step import Hold, HoldKind
from domain.tool_server import LookUp, ToolServer
from services.storage import blobs, tool_journal
from services.storage.database import Database
from services.storage.tool_journal import Kept, OpenCall, Uncertain
from services.tools.assignment import Assignment, keep
from services.tools.client.answers import Answer
from services.tools.client.connections import Connections
from services.tools.look_up import Reading, look_up, marker, reading_of, rule_for
from services.tools.registry import capabilities

UNCERTAIN = Hold(kind=HoldKind.UNCERTAIN, reason="the call may have taken effect, and nothing here can tell")


class EarlierTries:
    """What is known of a step's calls, and what a look at the server tells of those that ended in doubt."""

    def __init__(self, db: Database, connections: Connections) -> None:
        self._db = db
        self._connections = connections

    async def known(self, work: Assignment, server: ToolServer) -> Kept | Hold | None:
        """Return the launch's answer if it was made before. None: no write of it has happened.

        Raises:
            ToolError: The server cannot be looked at now, and may later.
        """
        looked = await tool_journal.look(self._db, work.key, left=work.again)
        return looked if isinstance(looked, Kept) else await self._look_up(work, server, looked)

    async def _look_up(
        self, work: Assignment, server: ToolServer, uncertain: tuple[Uncertain, ...]
    ) -> Kept | Hold | None:
        """Find out about writes that may have happened. None: none of them did."""
        rule = rule_for(server.options, work.action)
        if uncertain and rule is None:
            return UNCERTAIN
        for one in uncertain:
            sent = (work.action, json.loads(await blobs.load(self._db, one.arguments)), one.marker)
            looked = await look_up(await self._reading(work, server, rule), server, sent)
            if looked is None:
                return UNCERTAIN
            if not looked.happened:
                await tool_journal.settle_uncertain(self._db, one.call)
            elif await self._is_this_call(work, one):
                return await keep(self._db, work, one.call, Answer(text=looked.text), found=True)
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
        made = blobs.portable(text)
        await tool_journal.finish(self._db, call, Kept(text=made.text), body=made.body, found=True)

    async def _reading(self, work: Assignment, server: ToolServer, rule: LookUp | None) -> Reading:
        """Return how a look-up reads; the reading tool's schema says how its answer is wrapped."""
        found = None if rule is None else await capabilities.find(self._db, reading_of(rule, server), work.owner)
        return Reading(self._connections, work.owner, None if found is None else found.capability.output_schema)
