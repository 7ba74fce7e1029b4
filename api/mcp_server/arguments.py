"""What the tools take: the routes' bodies, with what stands in path, query and header beside it."""

import json
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field

from api.documents.requests import ListQuery, NewRequestBody
from api.parameters import KEY_LIMIT, KEY_PATTERN
from contracts import messages as m
from domain.edits import Amendment, Edit
from domain.events import EventType
from domain.request import Options
from domain.value import Value

MAX_WAIT_S: Final = 30.0


def _unwrapped(value: Any) -> Any:
    """Read what a client wrapped into a text: many send nested JSON so."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


_Unwrapped = BeforeValidator(_unwrapped)
_WaitS = Annotated[float, Field(ge=0, le=MAX_WAIT_S, allow_inf_nan=False)]


class OfRequest(Value):
    """Names a request."""

    request_id: str = Field(max_length=100, description="The request's id, `req_…`, as start_request gave it.")


class StartRequest(NewRequestBody):
    """What is to be done, and how."""

    options: Annotated[Options, _Unwrapped] = Field(
        default=Options(), description="Model, budget, deadline, and what must be approved before it happens."
    )
    idempotency_key: str | None = Field(
        default=None,
        min_length=1,
        max_length=KEY_LIMIT,
        pattern=KEY_PATTERN,
        description="The same key with the same arguments gives the same request; with others it is an error.",
    )
    wait_s: _WaitS = Field(default=0, description="Seconds to wait until it has ended or needs a person.")


class GetPlan(OfRequest):
    """Which version of which plan."""

    version: int | None = Field(default=None, ge=1, le=1_000_000, description="The newest by default.")


class WaitForRequest(OfRequest):
    """For which request to wait, and how long."""

    wait_s: _WaitS = Field(default=MAX_WAIT_S, description="Seconds to wait at most; then call again.")


class GetEvents(OfRequest):
    """Which events of which request."""

    after: int = Field(default=0, ge=0, le=2**62, description="Events with a greater number: `next_after` of a page.")
    limit: int = Field(default=50, ge=1, le=100)
    types: Annotated[frozenset[EventType] | None, _Unwrapped] = Field(
        default=None, description="Events of these types only; all by default. `text.delta` is streamed text."
    )


class ListRequests(ListQuery):
    """Which requests."""


class AmendPlan(OfRequest, Amendment):
    """Edits to a plan, applied whole or not at all, and only to the version that you saw."""

    edits: Annotated[tuple[Edit, ...], _Unwrapped] = Field(
        min_length=1, max_length=100, description="Applied in order; each sees what those before it did."
    )


class Approve(OfRequest, m.Approve):
    """Decide an open approval. `remember`: what it allows need not be asked again for this request."""


class Reply(OfRequest, m.Reply):
    """Answer an open question."""


class Plain(OfRequest, m.Pause):
    """A message that says nothing but its verb."""


class CancelStep(OfRequest, m.CancelStep):
    """Which step to cancel."""


class CancelRequest(OfRequest, m.Cancel):
    """What to cancel, and why."""
