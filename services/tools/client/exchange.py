"""What became of one request on its way: transports write it, the caller reads it.

The SDK runs a request's sending in the context of whoever asked, so a context variable leads a transport to the
exchange it works for, however many requests share the connection.
"""

from collections.abc import Coroutine, Mapping
from contextvars import Context, ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

from services.tools.client.errors import Failure

T = TypeVar("T")


@dataclass
class Exchange:
    """One request's state.

    Attributes:
        handed: Its first byte was given to a live transport, so that the server may act on it.
        failure: Why no usable answer came, when the transport knows.
        session_lost: The server does not know our session any more, and so did not act.
        broken: The network failed, so that the connection had better be made anew.
        deadline: Until when, on the event loop's clock, somebody waits for it; None: for ever.
        over: Nobody waits any more.
        fetches: How often the transport asked for more of the answer.
    """

    handed: bool = False
    failure: Failure | None = None
    session_lost: bool = False
    broken: bool = False
    deadline: float | None = None
    over: bool = False
    fetches: int = 0

    async def trace(self, event: str, info: Mapping[str, object]) -> None:
        """Take note of httpcore's events: the request is under way once its head is being sent."""
        del info
        if event.endswith("send_request_headers.started"):
            self.handed = True


_current: ContextVar[Exchange | None] = ContextVar("tool_exchange", default=None)


async def within(exchange: Exchange, work: Coroutine[Any, Any, T]) -> T:
    """Run work in a task of its own whose requests belong to an exchange."""
    _current.set(exchange)
    return await work


def current() -> Exchange:
    """Return the exchange that the current task works for; one that nobody reads, when there is none."""
    return _current.get() or Exchange()


def of_sender(context: Context | None) -> Exchange:
    """Return the exchange of the task that sent a message in this context."""
    return (context.get(_current) if context else None) or Exchange()
