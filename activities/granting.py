"""What a request's work may use: the models and tools that its user is granted, as the grants are now.

Whoever asked has been checked at the door; this holds for what models choose, and for grants taken back since.
"""

from typing import Protocol

from contracts.calls import RequestFacts, Work
from contracts.gateway import CallLaunch
from domain.caller_errors import Forbidden
from domain.errors import ModelUnknown, ToolRefused
from domain.events import EventType
from domain.grants import GrantKind
from domain.tools import Action
from services.identity.rights import Rights
from services.llm.assignment import CallFailed
from services.storage import events
from services.storage.statements import Statements
from services.tools.registry.capabilities import MayUse, everything


class RightsSource(Protocol):
    """Who knows rights (`services.identity.request_rights.RequestRights`)."""

    async def of(self, request_id: str, owner: str) -> Rights:
        """Return what a request's work may do now. Raises Forbidden, Unavailable."""
        ...

    async def before_record(self, request_id: str, owner: str, parent_id: str | None) -> Rights:
        """Return what the work of a request may do that may have no row yet. Raises Forbidden, Unavailable."""
        ...


class Granting:
    """Lets work use what is granted. `rights` None: everything is."""

    def __init__(self, rights: RightsSource | None = None) -> None:
        self._rights = rights

    async def check_model(self, where: Statements, work: Work, model: str) -> None:
        """Go on only if a model may be asked. What goes before the call is recorded also when it may not.

        Raises:
            CallFailed: It may not be used (ModelUnknown, forbidden).
            Forbidden: The user, or the key that asked, has been disabled.
        """
        if self._rights is None:
            return
        try:
            await _make_known(where, work)
            rights = await self._rights.of(work.facts.request_id, work.facts.owner)
        except Forbidden:
            await events.append(where, work.facts.request_id, work.events)
            raise
        if not rights.grants.allow_model(model):
            await events.append(where, work.facts.request_id, work.events)
            raise CallFailed(_refusal(model), 0)

    async def check_call(self, call: CallLaunch) -> None:
        """Go on only if a gateway call may be made that was accepted a while ago: a job, or one that waited.

        Raises:
            ModelUnknown: Its model may not be used (forbidden).
            Forbidden: The user, or the key that asked, has been disabled.
        """
        if self._rights is None:
            return
        rights = await self._rights.of(call.call_id, call.owner)
        if not rights.grants.allow_model(call.options.model):
            raise _refusal(call.options.model)

    async def tools(self, facts: RequestFacts) -> MayUse:
        """Return which tools may be used, by server and name. Raises Forbidden: the user or key has been disabled."""
        if self._rights is None:
            return everything
        parent_id = facts.parent.request_id if facts.parent is not None else None
        grants = (await self._rights.before_record(facts.request_id, facts.owner, parent_id)).grants
        return lambda server, name: grants.allow(GrantKind.TOOL, f"{server}/{name}")

    async def check_tool(self, facts: RequestFacts, action: Action) -> None:
        """Go on only if a tool may be called.

        Raises:
            ToolRefused: It may not.
            Forbidden: The user, or the key that asked, has been disabled.
        """
        may_use = await self.tools(facts)
        if not may_use(action.server, action.name):
            raise ToolRefused(f"{action} may not be used by this user")


async def _make_known(where: Statements, work: Work) -> None:
    """Write a sub-request's row before its rights are asked for: with which key its root was asked for stands there."""
    if work.events and work.events[0].type is EventType.REQUEST_ACCEPTED:
        await events.append(where, work.facts.request_id, work.events)


def _refusal(model: str) -> ModelUnknown:
    return ModelUnknown(f"the model {model!r} may not be used", forbidden=True)
