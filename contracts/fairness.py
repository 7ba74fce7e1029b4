"""Sharing task queues between tenants: of equal priority, each tenant's tasks are handed out in turn.

What a workflow is started with goes for its activities and children, too, unless they say otherwise. Where the server
does not share out by key (before 1.29, or without `matching.enableFairness`) the key is ignored.
"""

from typing import Final

from temporalio.common import Priority

_KEY_LIMIT: Final = 64
"""Bytes that Temporal takes."""


def fair_priority(priority: int, tenant: str) -> Priority:
    """Return the place of a tenant's work among the others': 1 (first) to 5 (last), tenants of one priority in turn."""
    return Priority(priority_key=priority, fairness_key=tenant.encode()[:_KEY_LIMIT].decode(errors="ignore"))
