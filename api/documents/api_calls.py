"""The log of API calls on the wire."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.parameters import Name

Status = Annotated[str, Field(pattern=r"^[1-5](?:\d\d|xx)$", description="`404`, or a class such as `4xx`.")]


class SpanQuery(BaseModel):
    """A range of time."""

    model_config = ConfigDict(extra="forbid")

    owner: Name | None = Field(
        default=None,
        description="Whose calls, by the user's id; yours when left out. Others' want `log.read_all`; `nobody`: calls "
        "that were refused before their caller was known.",
    )
    since: AwareDatetime | None = Field(default=None, description="From then on; when left out, an hour back.")
    until: AwareDatetime | None = Field(default=None, description="Until just before; now when left out.")


class ApiCallQuery(SpanQuery):
    """What to search for. With `call_id` or `request_id` all times are searched."""

    since: AwareDatetime | None = Field(default=None, description="From then on; when left out, a day back.")
    route: Name | None = Field(default=None, description="The template, such as `/v1/requests/{request_id}`.")
    method: Name | None = None
    status: Status | None = None
    model: Name | None = None
    account: Name | None = None
    deployment: Name | None = None
    error_code: Name | None = None
    min_duration_ms: int | None = Field(default=None, ge=0, le=10**9)
    call_id: Name | None = Field(default=None, description="Of a gateway call or a request.")
    request_id: Name | None = Field(default=None, description="As in the header X-Request-Id.")
    cursor: str | None = Field(default=None, max_length=20, description="From the page before.")
    limit: int = Field(default=50, ge=1, le=500)


class ApiCallDocument(BaseModel):
    """One call of the API, without any of its content. The fields from `model` on are those of a gateway call."""

    at: datetime = Field(description="When it began.")
    request_id: str = Field(description="As in the header X-Request-Id.")
    owner: str
    method: str
    route: str = Field(description="The template, without the ids in the path.")
    status: int = Field(description="499: the client went away before the answer's end.")
    duration_ms: int
    call_id: str | None = Field(description="Of a gateway call or a request.")
    error_code: str | None
    model: str | None
    provider: str | None
    account: str | None
    deployment: str | None
    attempts: int
    cache: str | None
    first_token_ms: int | None
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    cost_micros: int = Field(description="0 for an answer from the cache.")
    details: dict[str, Any] | None


class ApiCallPage(BaseModel):
    """Calls, newest first. `cursor`: give it to get the next page; null on the last. `since`: what was searched."""

    calls: list[ApiCallDocument]
    cursor: str | None
    since: datetime | None


class ApiCallCountDocument(BaseModel):
    """Calls of one route that ended alike."""

    route: str
    method: str
    status: int
    calls: int
    cost_micros: int
    p50_ms: float
    p95_ms: float


class ApiCallSummary(BaseModel):
    """Calls by route, method and status, the most frequent first, 200 at most."""

    since: datetime
    until: datetime
    counts: list[ApiCallCountDocument]
