"""News that a server's lists have changed: notifications in the older protocol, a stream of events in the new one."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple

import mcp_types as types
from mcp import Client, MCPError
from mcp.client.subscriptions import SubscriptionLost
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from services.tools.client.exchange import Exchange, within

PAUSE_S = 0.5
_FIRST_PAUSE_S, _LAST_PAUSE_S = 1.0, 60.0


class News:
    """Passes on which servers have changed: at once, and then each at most twice a second."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._told: dict[str, asyncio.TimerHandle] = {}
        self._again: set[str] = set()

    def add(self, server_id: str) -> None:
        """Take note that a server says that it has changed."""
        if server_id in self._told:
            self._again.add(server_id)
            return
        self._told[server_id] = asyncio.get_running_loop().call_later(PAUSE_S, self._pass, server_id)
        self._tell(server_id)

    def close(self) -> None:
        """Tell nothing more."""
        for timer in self._told.values():
            timer.cancel()
        self._told.clear()

    def _pass(self, server_id: str) -> None:
        del self._told[server_id]
        if server_id in self._again:
            self._again.remove(server_id)
            self.add(server_id)


class _Wanted(NamedTuple):
    """The lists whose changes a server tells."""

    tools: bool
    prompts: bool
    resources: bool


def is_list_change(message: types.ServerNotification | Exception) -> bool:
    """Whether a message says that a list has changed."""
    return isinstance(
        message,
        types.ToolListChangedNotification | types.ResourceListChangedNotification | types.PromptListChangedNotification,
    )


@asynccontextmanager
async def watch(client: Client, on_changed: Callable[[], None]) -> AsyncIterator[None]:
    """Listen for changes in the new protocol, for the length of a block; the older one needs nothing.

    Args:
        client: A connected client. Its message handler is told of the changes themselves.
        on_changed: Told when events may have been missed.
    """
    wanted = _wanted(client)
    if client.protocol_version not in MODERN_PROTOCOL_VERSIONS or not any(wanted):
        yield
        return
    task = asyncio.create_task(within(Exchange(), _listen(client, wanted, on_changed)), name="tool list changes")
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _listen(client: Client, wanted: _Wanted, on_changed: Callable[[], None]) -> None:
    pause = _FIRST_PAUSE_S
    while True:
        with contextlib.suppress(MCPError, SubscriptionLost, TimeoutError):
            async with client.listen(
                tools_list_changed=wanted.tools,
                prompts_list_changed=wanted.prompts,
                resources_list_changed=wanted.resources,
            ) as events:
                pause = _FIRST_PAUSE_S
                async for _ in events:
                    pass  # the client's message handler hears of each as well
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LAST_PAUSE_S)
        on_changed()  # nothing is replayed


def _wanted(client: Client) -> _Wanted:
    has = client.server_capabilities
    return _Wanted(
        tools=bool(has.tools and has.tools.list_changed),
        prompts=bool(has.prompts and has.prompts.list_changed),
        resources=bool(has.resources and has.resources.list_changed),
    )
