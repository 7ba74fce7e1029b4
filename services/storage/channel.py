"""The notification channel: request ids, comma-separated, within PostgreSQL's bound on a payload."""

from collections.abc import Iterable

CHANNEL = "longhaul_events"
MAX_PAYLOAD = 7900
"""Bytes; PostgreSQL refuses 8,000."""


def payloads(request_ids: Iterable[str]) -> list[str]:
    """Pack ids into as few payloads as fit."""
    packed: list[str] = []
    line = ""
    for request_id in sorted(request_ids):
        if line and len(line) + 1 + len(request_id) > MAX_PAYLOAD:
            packed.append(line)
            line = ""
        line = f"{line},{request_id}" if line else request_id
    return [*packed, line] if line else packed


def request_ids(payload: str) -> list[str]:
    """Unpack one payload."""
    return payload.split(",") if payload else []
