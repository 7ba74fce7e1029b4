"""What a dialect is: how a request is read, and how an answer and a refusal are worded.

All else is the same for all of them.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from domain.model_pool import Dialect
from simulators.model_provider.chat import ChatCall
from simulators.model_provider.errors import ApiError
from simulators.model_provider.json_value import JsonObject
from simulators.model_provider.limits import Headers, Standing
from simulators.model_provider.replies import Reply


class Incoming(NamedTuple):
    """A request over HTTP. `path`: what the route's path names; `query`: as it came."""

    headers: dict[bytes, bytes]
    body: bytes
    path: dict[str, str]
    query: str

    def header(self, name: bytes) -> str | None:
        """Return a header by its lower-case name."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")

    @property
    def bearer(self) -> str:
        """The token of the Authorization header, empty when there is none."""
        scheme, _, token = (self.header(b"authorization") or "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""


class Stamp(NamedTuple):
    """What tells one answer from another: its id, and when it was made (seconds since 1970)."""

    id: str
    created: int


class EventForm(NamedTuple):
    """How a stream's events look. `bad`: one that is not JSON; `error`: one that tells an error and ends the answer."""

    content_type: bytes
    bad: bytes
    error: Callable[[JsonObject], bytes]


@dataclass(frozen=True, slots=True)
class Streamed:
    """A streamed answer, worded: what opens it, an event or more for each piece, and what closes it."""

    form: EventForm
    opening: bytes
    pieces: Iterable[bytes]
    closing: tuple[bytes, ...]


class Asked(NamedTuple):
    """A request, read, and how its answer is to be worded; `streamed` is None where answers are never streamed."""

    call: ChatCall
    whole: Callable[[Reply, Stamp], bytes]
    streamed: Callable[[Reply, Stamp], Streamed] | None = None


class Words(Protocol):
    """What a dialect has for all its endpoints."""

    @property
    def dialect(self) -> Dialect:
        """Which it is."""
        ...

    @property
    def request_id_header(self) -> bytes:
        """The header that names an answer."""
        ...

    @property
    def retry_header(self) -> bytes | None:
        """The header of a refusal that tells when to come back, None where only the envelope does."""
        ...

    def key(self, incoming: Incoming) -> str:
        """Return the API key of a request, empty for none."""
        ...

    def check(self, incoming: Incoming, key: str) -> None:
        """Raise ApiError unless the headers are there that every request must have."""
        ...

    def refusal(self, error: ApiError, request_id: str) -> tuple[int, JsonObject]:
        """Return the status and the envelope of an error."""
        ...

    def limits(self, standing: Standing) -> Headers:
        """Return the headers that tell where the account stands."""
        ...

    def model(self, name: str) -> JsonObject:
        """Return what is told of a model."""
        ...

    def model_list(self, models: list[JsonObject]) -> JsonObject:
        """Return the list of all models."""
        ...
