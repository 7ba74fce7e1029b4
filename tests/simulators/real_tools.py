"""What real tool servers list: names, whether they read, and parameters by type, without the servers' own words.

Of mcp-atlassian 0.23.1, mcp-server-time, -fetch and -git, and the reference servers "everything" and "filesystem".
"""

import json
from pathlib import Path
from typing import Any

from domain.documents import PlanDocument, ToolOffer, UnderstandDocument, Understanding
from domain.shortlist import Entry, rank
from domain.tools import ActionType, Effect
from simulators.model_provider.rules.plan import plan
from simulators.model_provider.rules.understand import understand

LISTED: list[dict[str, Any]] = json.loads(Path(__file__).with_suffix(".json").read_text())
ENTRIES = tuple(Entry(tool["server"], tool["name"], "", tool["reads"]) for tool in LISTED)
KINDS = ("generate", "tool", "human", "request")


def offer(tool: dict[str, Any]) -> ToolOffer:
    """One tool as a planner sees it."""
    return ToolOffer(
        mcp_target_server_id=tool["server"],
        mcp_action_type=ActionType.TOOL,
        mcp_action_name=tool["name"],
        effect=Effect.READ if tool["reads"] else Effect.WRITE,
        input_schema=tool["input_schema"],
    )


def offered(*names: str) -> tuple[ToolOffer, ...]:
    """The tools of these names."""
    return tuple(offer(tool) for tool in LISTED if tool["name"] in names)


def shortlisted(message: str) -> tuple[ToolOffer, ...]:
    """The twelve that the product would show for a message."""
    return tuple(offer(LISTED[number]) for number in rank(message, ENTRIES, 12))


def document(message: str, **fields: Any) -> PlanDocument:
    """A plan document with what is shortlisted for the message."""
    tools = fields.pop("tools", None)
    tools = shortlisted(message) if tools is None else tools
    understanding = Understanding.model_validate(understand(UnderstandDocument(message=message)))
    defaults = {"kinds": KINDS if tools else KINDS[:1], "max_steps": 50, "understanding": understanding}
    return PlanDocument.model_validate({"message": message, "tools": tools, **defaults, **fields})


def planned(message: str, **fields: Any) -> list[dict[str, Any]]:
    """The steps of the plan for a message."""
    steps: list[dict[str, Any]] = plan(document(message, **fields))["steps"]
    return steps


def calls(message: str, **fields: Any) -> list[tuple[str, dict[str, Any]]]:
    """The names and parameters of a plan's tool steps."""
    steps = planned(message, **fields)
    return [(step["mcp_action_name"], step["mcp_parameters"]) for step in steps if step["kind"] == "tool"]
