"""What the server can do wrong, by subject; each behaviour is a small function with a name."""

from simulators.mcp_server.behaviours import (
    bodies,
    events,
    floods,
    framing,
    json_rpc,
    lists,
    names,
    orders,
    processes,
    questions,
    redirects,
    results,
    schemas,
    sessions,
    silence,
    sizes,
    statuses,
    writes,
)
from simulators.mcp_server.behaviours.registry import BEHAVIOURS, Behaviour, Reach, Stage, chosen, stage_of

__all__ = [
    "BEHAVIOURS",
    "SUBJECTS",
    "Behaviour",
    "Reach",
    "Stage",
    "chosen",
    "stage_of",
]

SUBJECTS = (
    bodies,
    events,
    floods,
    framing,
    json_rpc,
    lists,
    names,
    orders,
    processes,
    questions,
    redirects,
    results,
    schemas,
    sessions,
    silence,
    sizes,
    statuses,
    writes,
)
"""The modules, in the order that a list of behaviours has."""
