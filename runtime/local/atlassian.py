"""The simulated Jira and Confluence as a tool server: the real `mcp-atlassian`, pointed at this machine."""

from typing import Any, Final

from domain.tool_server import Limits, ServerOptions

TOKEN: Final = "longhaul-demo"  # noqa: S105  opens nothing but the simulator
TOOLS: Final = (
    "jira_search",
    "jira_get_issue",
    "jira_create_issue",
    "jira_update_issue",
    "jira_add_comment",
    "jira_get_transitions",
    "jira_transition_issue",
    "confluence_search",
    "confluence_get_page",
    "confluence_create_page",
    "confluence_update_page",
    "confluence_add_comment",
)
_TOOLSETS: Final = ("jira_issues", "jira_comments", "jira_transitions", "confluence_pages", "confluence_comments")
_TIMEOUT_S: Final = 20
"""Below a tool step's own time-out, so that the server says what happened before we stop waiting."""
_CONCURRENCY: Final = 8
"""The server makes its reads in eight threads, and its writes one after the other."""


def simulated_servers(port: int) -> dict[str, Any]:
    """Return the `mcpServers` entry of the simulator that listens on a port of this machine."""
    url = f"http://127.0.0.1:{port}"
    options = ServerOptions(trusted=True, preset="atlassian", limits=Limits(max_concurrency=_CONCURRENCY))
    entry = {
        "command": "mcp-atlassian",
        "args": ["--transport", "stdio"],
        "env": {
            "JIRA_URL": url,
            "JIRA_PERSONAL_TOKEN": TOKEN,
            "JIRA_TIMEOUT": str(_TIMEOUT_S),
            "CONFLUENCE_URL": f"{url}/wiki",
            "CONFLUENCE_PERSONAL_TOKEN": TOKEN,
            "CONFLUENCE_TIMEOUT": str(_TIMEOUT_S),
            "TOOLSETS": ",".join(_TOOLSETS),
            "ENABLED_TOOLS": ",".join(TOOLS),
        },
        "longhaul": options.model_dump(mode="json", exclude_defaults=True),
    }
    return {"mcpServers": {"atlassian": entry}}
