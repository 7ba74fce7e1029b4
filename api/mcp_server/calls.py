"""One tool call: who calls, what it may use, and how it tells that it is still at work."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import HTTPConnection

from api.caller import Caller
from api.parts import Parts

Tell = Callable[[float, float, str], Awaitable[None]]
"""Sends a progress notification: how much is done, of how much, and what happens. Silent when nobody asked for it."""


@dataclass(frozen=True)
class Call:
    """What a tool works with."""

    connection: HTTPConnection
    parts: Parts
    caller: Caller
    tell: Tell
