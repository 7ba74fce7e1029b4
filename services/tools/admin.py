"""What the API may do with tool servers: tables only. It reaches no server; a refresh or a sign-in is a workflow.

No answer holds a secret: how servers are reached is shown with "•••" in the place of each.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from domain.errors import InvalidInput, NotFound, Problem, ToolRefused
from domain.tool_policy import Rule
from domain.tool_server import AuthorizationCode, Http, ServerOptions, Stdio, ToolServer
from domain.tools import Effect
from services.storage import audit
from services.storage.audit import Act, By
from services.storage.database import Database, Tx
from services.tools.client.commands import Commands
from services.tools.registry import history, inventory, rules, servers, standing
from services.tools.registry.history import ChangeView
from services.tools.registry.inventory import Approval, ToolFilter, ToolKey, ToolView
from services.tools.registry.servers import ServerState, ServerView
from services.tools.registry.standing import Standing
from services.tools.sign_in import tokens
from services.tools.sign_in.tokens import Holder, SignInAnswer
from services.vault.vault import Vault

__all__ = [
    "Approval",
    "ChangeView",
    "Commands",
    "ServerState",
    "ServerView",
    "SignInAnswer",
    "SignInView",
    "Standing",
    "ToolAdmin",
    "ToolFilter",
    "ToolKey",
    "ToolView",
]


class SignInView(NamedTuple):
    """A sign-in that waits for a person, and the page that they must open."""

    state: str
    server: str
    url: str | None


@dataclass(frozen=True)
class ToolAdmin:
    """The registry's desk. `commands`: what stdio servers may be."""

    db: Database
    vault: Vault
    commands: Commands

    async def list_servers(self) -> list[ServerView]:
        """Return all servers, by id."""
        return await servers.views(self.db, self.vault)

    async def read_server(self, server_id: str) -> ServerView:
        """Return a server. Raises NotFound."""
        return await servers.view(self.db, self.vault, server_id)

    async def standing(self, server_id: str) -> Standing:
        """Return how a server has been doing. Raises NotFound."""
        view = await servers.view(self.db, self.vault, server_id)
        return await standing.standing(self.db, server_id, checked=(view.state.ok, view.state.error, view.state.at))

    async def create_server(self, by: By, server: ToolServer) -> ServerView:
        """Add a server.

        Raises:
            Conflict: There is one of this id.
            InvalidInput: Its command may not be run, or there are too many servers.
        """
        self._check(server.reach)
        async with self.db.transaction() as tx:
            await servers.create(tx, self.vault, server)
            return await self._noted(tx, by, "create", server.id)

    async def replace_server(
        self, by: By, server_id: str, reach: Stdio | Http, options: ServerOptions, expected: int | None
    ) -> ServerView:
        """Replace a server's configuration; a "•••" keeps the secret in its place.

        Raises:
            NotFound: There is none of this id.
            Conflict: It has another revision than expected.
            InvalidInput: Its command may not be run, or a "•••" stands for nothing.
        """
        self._check(reach)
        async with self.db.transaction() as tx:
            now = await servers.view(tx, self.vault, server_id)
            server = ToolServer(id=server_id, reach=reach, options=options, disabled=now.disabled)
            await servers.change(tx, self.vault, server, expected=expected)
            return await self._noted(tx, by, "replace", server_id)

    async def switch_server(self, by: By, server_id: str, *, disabled: bool) -> ServerView:
        """Enable or disable a server. Raises NotFound."""
        async with self.db.transaction() as tx:
            await servers.switch(tx, server_id, disabled=disabled)
            return await self._noted(tx, by, "disable" if disabled else "enable", server_id)

    async def delete_server(self, by: By, server_id: str) -> None:
        """Remove a server, what it offers and its tokens. Raises NotFound."""
        async with self.db.transaction() as tx:
            await servers.delete(tx, server_id)
            await audit.record(tx, by, Act("tool_server.delete", "tool_server", server_id))

    async def changes(self, server_id: str, before: int | None, limit: int) -> tuple[list[ChangeView], int | None]:
        """Return a page of what has changed at a server, also of one that was removed; see `history.page`."""
        return await history.page(self.db, server_id, before, limit)

    async def tools(self, narrowed: ToolFilter, cursor: str | None, limit: int) -> tuple[list[ToolView], str | None]:
        """Return a page of the registry; see `inventory.page`."""
        return await inventory.page(self.db, narrowed, cursor, limit)

    async def approve(self, by: By, key: ToolKey, hash_: str) -> None:
        """Approve a capability as it is; see `inventory.approve`."""
        async with self.db.transaction() as tx:
            await inventory.approve(tx, key, hash_)
            await audit.record(tx, by, _act("approve", key, {"hash": hash_}))

    async def set_effect(self, by: By, key: ToolKey, effect: Effect | None) -> None:
        """Say what a capability does; see `inventory.set_effect`."""
        async with self.db.transaction() as tx:
            await inventory.set_effect(tx, key, effect)
            await audit.record(tx, by, _act("effect", key, {"effect": effect}))

    async def rules(self) -> tuple[Rule, ...]:
        """Return every rule, the oldest first."""
        return await rules.all_rules(self.db)

    async def add_rule(self, by: By, rule: Rule) -> Rule:
        """Add a rule. Raises InvalidInput when there are too many."""
        async with self.db.transaction() as tx:
            added = await rules.add(tx, rule)
            act = Act("tool_rule.create", "tool_rule", str(added.number), added.model_dump(mode="json"))
            await audit.record(tx, by, act)
            return added

    async def delete_rule(self, by: By, number: int) -> None:
        """Remove a rule. Raises NotFound."""
        async with self.db.transaction() as tx:
            await rules.delete(tx, number)
            await audit.record(tx, by, Act("tool_rule.delete", "tool_rule", str(number)))

    async def holder(self, server_id: str, owner: str) -> Holder:
        """Return whose tokens a sign-in of this owner gives.

        Raises:
            NotFound: There is no such server, or it is not for this owner.
            InvalidInput: Nobody signs in to this server.
        """
        server = await servers.load(self.db, self.vault, server_id)
        if server.options.owners is not None and owner not in server.options.owners:
            raise NotFound("there is no such tool server")
        auth = server.reach.auth if isinstance(server.reach, Http) else None
        if not isinstance(auth, AuthorizationCode):
            raise InvalidInput("nobody signs in to this server: its auth is not authorization_code")
        return Holder(server_id, "" if auth.shared else owner)

    async def pending_sign_in(self, holder: Holder) -> SignInView | None:
        """Return the sign-in that waits for this holder's person."""
        found = await tokens.pending(self.db, holder)
        return None if found is None else SignInView(found.state, holder.server, found.url)

    async def find_sign_in(self, state: str, owner: str) -> SignInView:
        """Return a sign-in of this owner's, or one for all. Raises NotFound when there is none, or it is over."""
        found = await tokens.find_sign_in(self.db, state) if state.isprintable() else None
        if found is None or found.holder.owner not in ("", owner):
            raise NotFound("there is no such sign-in, or it is over")
        return SignInView(found.state, found.holder.server, found.url)

    async def bring_code(self, answer: SignInAnswer) -> bool:
        """Leave what a browser brought back for the process that waits; False: nobody waits for it.

        A browser brings no key. The state, which nobody can guess, says whose sign-in it is.

        Raises:
            NotFound: There is no such sign-in, or it is over.
        """
        if not answer.state.isprintable() or await tokens.find_sign_in(self.db, answer.state) is None:
            raise NotFound("there is no such sign-in, or it is over")
        return await tokens.put_code(self.db, self.vault, answer)

    async def _noted(self, tx: Tx, by: By, verb: str, server_id: str) -> ServerView:
        """Have the audit say what was done to a server, and return the server."""
        view = await servers.view(tx, self.vault, server_id)
        details = view.model_dump(mode="json", include={"address", "options", "disabled", "revision"})
        await audit.record(tx, by, Act(f"tool_server.{verb}", "tool_server", server_id, details))
        return view

    def _check(self, reach: Stdio | Http) -> None:
        if not isinstance(reach, Stdio):
            return
        try:
            self.commands.check(reach.command)
        except ToolRefused as error:
            problem = Problem(code="command_not_allowed", path="/reach/command", message=str(error))
            raise InvalidInput(str(error), (problem,)) from None


def _act(verb: str, key: ToolKey, details: Mapping[str, object]) -> Act:
    return Act(f"tool.{verb}", "tool", f"{key.server}/{key.kind.value}/{key.name}", details)
