"""One JSON-RPC request through the SDK's session, and its result as the server sent it.

The session's own methods check a result twice, by models that take a second for what fits into a megabyte, refuse a
whole list for one odd item, and check a tool's answer by the server's own schema with regular expressions that may
never end. So results are taken raw and read by us.
"""

from typing import Any

from mcp import Client
from mcp.shared.dispatcher import CallOptions, ProgressFnT


async def ask(
    client: Client, method: str, params: dict[str, Any], on_progress: ProgressFnT | None = None
) -> dict[str, Any]:
    """Send a request and return its result.

    Raises:
        MCPError: The server answered with an error.
    """
    session = client.session
    data: dict[str, Any] = {"method": method, "params": {**params}}
    options: CallOptions = {}
    session._stamp(data, options)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - as mcp.client.subscriptions does
    if on_progress is not None:
        options["on_progress"] = on_progress
    return await session._dispatcher.send_raw_request(method, data["params"], options)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - the same
