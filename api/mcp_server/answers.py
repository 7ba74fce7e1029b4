"""What the tools give where the routes' documents would say too much: a model reads every word of it."""

from datetime import datetime

from pydantic import BaseModel, Field

from api.documents.approvals import ApprovalDocument
from api.documents.links import Links
from api.documents.requests import OutcomeDocument, QuestionDocument, RequestDocument
from domain.request import Phase
from domain.run_state import Refusal


class RequestStatus(BaseModel):
    """A request as it stands, without what its author knows: message and options are in the resource."""

    id: str
    phase: Phase
    paused: bool
    plan_version: int = Field(description="0: no plan yet.")
    questions: list[QuestionDocument] = Field(description="Open ones; answer with reply.")
    approvals: list[ApprovalDocument] = Field(description="Open ones; decide with approve.")
    refusals: list[Refusal] = Field(description="The newest messages that were refused.")
    outcome: OutcomeDocument | None
    answer: str | None
    cost_micros: int
    simulated: bool = Field(description="Whether the simulated provider answered, and no real model.")
    created_at: datetime
    finished_at: datetime | None
    links: Links


def status_of(document: RequestDocument) -> RequestStatus:
    """Return the part of a request that tools give."""
    return RequestStatus(
        id=document.id,
        phase=document.phase,
        paused=document.paused,
        plan_version=document.plan_version,
        questions=document.questions,
        approvals=document.approvals,
        refusals=document.refusals,
        outcome=document.outcome,
        answer=document.answer,
        cost_micros=document.cost_micros,
        simulated=document.simulated,
        created_at=document.created_at,
        finished_at=document.finished_at,
        links=document.links,
    )
