"""Identifiers: their spelling, and how they are made from a time and random bits given by the caller.

Ids carry no text of the user. A request's id is also its workflow id and the id of its event log.
"""

import re
import uuid

REQUEST_ID = re.compile(r"^req_[0-9a-f]{32}\Z")
CALL_ID = re.compile(r"^call_[0-9a-f]{32}\Z")
STEP_ID = re.compile(r"^[a-z][a-z0-9_-]{0,39}\Z")


def uuid7_hex(unix_ms: int, random_bits: int) -> str:
    """Return a version 7 UUID (RFC 9562, section 5.7) as 32 hex digits.

    Args:
        unix_ms: Milliseconds since 1970, UTC; the high 48 bits.
        random_bits: At least 74 random bits; more are ignored.
    """
    rand_a = random_bits & 0xFFF
    rand_b = (random_bits >> 12) & ((1 << 62) - 1)
    value = (unix_ms & ((1 << 48) - 1)) << 80 | 0x7 << 76 | rand_a << 64 | 0b10 << 62 | rand_b
    return uuid.UUID(int=value).hex


def unix_ms_of(made: str) -> int:
    """Return when a request's or a gateway call's id was made, in milliseconds since 1970, UTC."""
    return int(made.rpartition("_")[2], 16) >> 80


def request_id(unix_ms: int, random_bits: int) -> str:
    """Return a new request id, `req_<uuidv7>`."""
    return f"req_{uuid7_hex(unix_ms, random_bits)}"


def gateway_call_id(unix_ms: int, random_bits: int) -> str:
    """Return a new id of a gateway call, `call_<uuidv7>`."""
    return f"call_{uuid7_hex(unix_ms, random_bits)}"


def step_workflow_id(request: str, step: str, first_round: int) -> str:
    """Return the id of the child workflow that runs a step from its `first_round` on."""
    return f"{request}/{step}/{first_round}"


def call_id(request: str, slot: str, round_no: int, n: int) -> str:
    """Return a model call's id: request, slot (see `contracts.calls`), round, and the journal's number."""
    return f"{request}/{slot}/{round_no}/{n}"
