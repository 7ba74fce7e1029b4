"""What a journaled call is given and what it gives back."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from domain.budget import Usage
from domain.content import Text
from domain.errors import ModelError
from domain.events import Event
from domain.gateway import Routing
from domain.model_pool import Endpoint
from services.llm.chat import ChatAnswer, ChatRequest, PlainRequest
from services.storage.journal import CallKey
from services.storage.statements import Statements

Conclude = Callable[[ChatAnswer, Text, "Way"], Sequence[Event]]
Compose = Callable[[Statements], Awaitable[ChatRequest | PlainRequest]]
"""Makes the request before the call is opened; what it reads, it reads from what it is given.

Its `model` is the public name; what the provider calls it, the pool knows.
"""


@dataclass(frozen=True)
class Wish:
    """How a call wants to be served by the pool; see `services.llm.pool.port.Need`.

    Attributes:
        max_attempts: Providers that are asked, at most; None: as the route says.
        resets: After a break in mid-answer another deployment may begin anew.
        patience_s: How long to wait in this process for capacity before saying that there is none.
    """

    endpoint: Endpoint = Endpoint.CHAT
    fairness_key: str = ""
    priority: int = 3
    session: str | None = None
    waits: bool = True
    max_attempts: int | None = None
    resets: bool = True
    patience_s: float = 0.0


@dataclass(frozen=True)
class Assignment:
    """What a call is for.

    Attributes:
        key: Request, slot and round; see `services.storage.journal`.
        owner: Whose request it is.
        events: What is to be recorded before the call.
        grant_micros: What all attempts of this round may cost together, None for no cap.
        streams: Whether viewers see the text as it comes.
        keeps_chunks: Whether the answer is kept as its chunks, not as its text: a gateway call's.
        conclude: Makes the events that an answer brings about, from it, its stored form and how it came; recorded
            together with it.
        wish: How the pool is to serve it.
    """

    key: CallKey
    owner: str
    events: tuple[Event, ...] = ()
    grant_micros: int | None = None
    streams: bool = False
    keeps_chunks: bool = False
    conclude: Conclude | None = None
    wish: Wish = field(default_factory=Wish)

    @property
    def step_id(self) -> str | None:
        """The step that the slot belongs to, None for the coordinator's own."""
        return self.key.slot.partition("@")[0] or None


@dataclass(frozen=True)
class Way:
    """How a call's answer, or its failure, came: by whom, what all of it cost, and when. Times in ms from the start.

    `attempt`: the journal's number of the last attempt.
    """

    attempt: int = 1
    routing: Routing = field(default_factory=Routing)
    cost_micros: int = 0
    waited_ms: int = 0
    first_token_ms: int | None = None
    total_ms: int = 0
    upstream_ms: int = 0


@dataclass(frozen=True)
class CallResult:
    """What a round's call came to.

    Attributes:
        text: The whole answer; `stored`: the same, fit to travel.
        cost_micros: What all attempts of the round cost, so that it is counted once whichever of them reports.
        replayed: The answer was in the journal; nobody was asked.
        cancelled: The call was cut short by a cancellation; the text is what had come by then.
        answer: What a model has said just now; None: nobody was asked, or the call was cut short.
    """

    text: str
    stored: Text
    finish_reason: str
    refused: bool
    usage: Usage
    cost_micros: int
    replayed: bool = False
    cancelled: bool = False
    way: Way = field(default_factory=Way)
    answer: ChatAnswer | None = None


class CallFailed(Exception):
    """A call without an answer.

    Attributes:
        error: The domain's error.
        cost_micros: What all attempts of the round have cost so far.
        tries: The attempts of the round that are in the journal.
    """

    def __init__(self, error: ModelError, cost_micros: int, *, tries: int = 0, way: Way | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.cost_micros = cost_micros
        self.tries = tries
        self.way = way or Way(cost_micros=cost_micros)
