"""Requests as documents."""

from api.documents.links import links_of
from api.documents.requests import OutcomeDocument, QuestionDocument, RequestDocument, RequestPage, RequestSummary
from api.documents.texts import excerpts, whole
from api.parts import Parts
from domain.request import Outcome
from services.storage import blobs
from services.storage.database import Tx
from services.storage.views.refusals import newest_refusals
from services.storage.views.requests import RequestView

_SAME = (
    "id",
    "phase",
    "paused",
    "conversation_id",
    "user_id",
    "plan_version",
    "cost_micros",
    "simulated",
    "forked_from",
    "created_at",
    "finished_at",
)
_SAME_IN_FULL = (*_SAME, "options", "processed_input", "language", "approvals", "parent_id", "last_seq")


async def document_of(tx: Tx, parts: Parts, view: RequestView) -> RequestDocument:
    """Return a request with its whole message and answer."""
    return RequestDocument(
        **{name: getattr(view, name) for name in _SAME_IN_FULL},
        message=await blobs.load(tx, view.message),
        answer=await whole(tx, view.outcome.answer if view.outcome else None),
        outcome=_outcome(view.outcome),
        questions=await _questions(tx, view),
        refusals=await newest_refusals(tx, view.id),
        links=links_of(parts, view.id),
    )


async def page_of(tx: Tx, views: list[RequestView], cursor: str | None) -> RequestPage:
    """Return a page of requests, their messages cut."""
    messages = await excerpts(tx, {view.id: view.message for view in views}, chars=500)
    summaries = [
        RequestSummary(**{name: getattr(view, name) for name in _SAME}, message=messages[view.id]) for view in views
    ]
    return RequestPage(requests=summaries, cursor=cursor)


def _outcome(outcome: Outcome | None) -> OutcomeDocument | None:
    if outcome is None:
        return None
    return OutcomeDocument(phase=outcome.phase, reason=outcome.reason, detail=outcome.detail, partial=outcome.partial)


async def _questions(tx: Tx, view: RequestView) -> list[QuestionDocument]:
    texts = await blobs.load_many(tx, {question.id: question.text for question in view.questions})
    return [
        QuestionDocument(
            id=question.id,
            text=texts[question.id],
            default=question.default,
            expires_at=question.expires_at,
            step_id=question.step_id,
        )
        for question in view.questions
    ]
