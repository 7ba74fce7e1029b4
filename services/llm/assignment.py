"""What a journaled call is given and what it gives back."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from domain.budget import Usage
from domain.content import Text
from domain.errors import ModelError
from domain.events import Event
from services.llm.chat import ChatAnswer, ChatRequest
from services.storage.journal import CallKey
from services.storage.statements import Statements

Conclude = Callable[[ChatAnswer, Text], Sequence[Event]]
Compose = Callable[[Statements], Awaitable[ChatRequest]]
"""Makes the request before the call is opened; what it reads, it reads from what it is given."""


@dataclass(frozen=True)
class Assignment:
    """What a call is for.

    Attributes:
        key: Request, slot and round; see `services.storage.journal`.
        owner: Whose request it is.
        events: What is to be recorded before the call.
        grant_micros: What all attempts of this round may cost together, None for no cap.
        streams: Whether viewers see the text as it comes.
        conclude: Makes the events that an answer brings about, from it and its stored text; recorded together with it.
    """

    key: CallKey
    owner: str
    events: tuple[Event, ...] = ()
    grant_micros: int | None = None
    streams: bool = False
    conclude: Conclude | None = None

    @property
    def step_id(self) -> str | None:
        """The step that the slot belongs to, None for the coordinator's own."""
        return self.key.slot.partition("@")[0] or None


@dataclass(frozen=True)
class CallResult:
    """What a round's call came to.

    Attributes:
        text: The whole answer; `stored`: the same, fit to travel.
        cost_micros: What all attempts of the round cost, so that it is counted once whichever of them reports.
        replayed: The answer was in the journal; nobody was asked.
        cancelled: The call was cut short by a cancellation; the text is what had come by then.
    """

    text: str
    stored: Text
    finish_reason: str
    refused: bool
    usage: Usage
    cost_micros: int
    replayed: bool = False
    cancelled: bool = False


class CallFailed(Exception):
    """A call without an answer: the domain's `error`, and what all attempts of the round have cost so far."""

    def __init__(self, error: ModelError, cost_micros: int) -> None:
        super().__init__(str(error))
        self.error = error
        self.cost_micros = cost_micros
