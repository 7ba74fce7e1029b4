"""All tools by name, in the order of the list."""

from typing import Any, Final

from api.mcp_server.message_tools import MESSAGE_TOOLS
from api.mcp_server.request_tools import REQUEST_TOOLS
from api.mcp_server.tool import Tool

TOOLS: Final[dict[str, Tool[Any, Any]]] = {tool.name: tool for tool in (*REQUEST_TOOLS, *MESSAGE_TOOLS)}
