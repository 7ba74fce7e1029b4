"""Requests on the wire: what is submitted, what is answered."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from api.documents.approvals import ApprovalDocument
from api.documents.links import Links
from api.documents.texts import Excerpt
from api.parameters import Name
from domain.request import Options, Phase, ProcessedInput
from domain.run_state import Refusal
from domain.value import Value

_EXAMPLE: JsonDict = {
    "message": "Write a haiku about rain. Write a limerick about snow. Then compare the two.",
    "options": {"priority": 3, "budget_micros": 50_000, "deadline_s": 600},
}


class NewRequestBody(Value):
    """A request to be accepted."""

    model_config = ConfigDict(json_schema_extra={"example": _EXAMPLE})

    message: str = Field(description="What you want, at most 256 KiB of UTF-8.")
    conversation_id: Name | None = Field(default=None, description="Its last turns are given to the coordinator.")
    user_id: Name | None = Field(default=None, description="Whom you ask for, if not for yourself.")
    options: Options = Options()


class ListQuery(BaseModel):
    """What to list."""

    model_config = ConfigDict(extra="forbid")

    phase: Phase | None = None
    conversation_id: Name | None = None
    user_id: Name | None = None
    q: Name | None = Field(default=None, description="Words of the message, or of what was understood of it.")
    cursor: str | None = Field(default=None, max_length=100, description="From the page before.")
    limit: int = Field(default=50, ge=1, le=100)


class AcceptedDocument(BaseModel):
    """A request that will reach exactly one end."""

    id: str
    phase: Phase
    links: Links


class OutcomeDocument(BaseModel):
    """How a request ended. `reason` is a stable code; `partial`: some step has no result."""

    phase: Literal[Phase.DONE, Phase.FAILED, Phase.CANCELLED]
    reason: str | None
    detail: str | None
    partial: bool


class QuestionDocument(BaseModel):
    """An open question. `default`: what is assumed when nobody replies; `step_id`: the human step."""

    id: str
    text: str
    default: str | None
    expires_at: datetime
    step_id: str | None


class RequestSummary(BaseModel):
    """A request in a list. `simulated`: no real model answered."""

    id: str
    phase: Phase
    paused: bool
    message: Excerpt
    conversation_id: str | None
    user_id: str | None
    plan_version: int = Field(description="0: no plan yet.")
    cost_micros: int
    simulated: bool
    forked_from: str | None
    created_at: datetime
    finished_at: datetime | None


class RequestPage(BaseModel):
    """Requests, newest first. `cursor`: give it to get the next page; null on the last."""

    requests: list[RequestSummary]
    cursor: str | None


class RequestDocument(BaseModel):
    """A request as it stands. `answer` is the whole text; `last_seq` numbers its newest event."""

    id: str
    phase: Phase
    paused: bool
    message: str
    conversation_id: str | None
    user_id: str | None
    options: Options
    processed_input: ProcessedInput | None
    language: str | None
    plan_version: int = Field(description="0: no plan yet.")
    answer: str | None
    outcome: OutcomeDocument | None
    questions: list[QuestionDocument]
    approvals: list[ApprovalDocument]
    refusals: list[Refusal] = Field(description="The newest messages that were refused.")
    cost_micros: int
    simulated: bool = Field(description="Whether the simulated provider answered, and no real model.")
    forked_from: str | None
    parent_id: str | None
    last_seq: int
    created_at: datetime
    finished_at: datetime | None
    links: Links
