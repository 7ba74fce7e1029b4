"""Requests as documents."""

from api.caller import Caller
from api.documents.links import links_of
from api.documents.requests import (
    ListQuery,
    OutcomeDocument,
    QuestionDocument,
    RequestDocument,
    RequestPage,
    RequestSummary,
)
from api.documents.texts import excerpts, whole
from api.parts import Parts
from api.reading.approvals import approval_documents
from domain.request import Outcome
from services.storage import blobs
from services.storage.database import Tx
from services.storage.views.refusals import newest_refusals
from services.storage.views.requests import Filter, RequestView, list_page

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
_SAME_IN_FULL = (*_SAME, "options", "processed_input", "language", "parent_id", "last_seq")


async def load_document(parts: Parts, view: RequestView) -> RequestDocument:
    """Return a request with its whole message and answer."""
    async with parts.database.transaction() as tx:
        return await document_of(tx, parts, view)


async def load_page(parts: Parts, caller: Caller, query: ListQuery) -> RequestPage:
    """Return a page of the caller's requests, newest first.

    Raises:
        InvalidInput: The cursor is not one of ours.
    """
    narrowed = Filter(query.phase, query.conversation_id, query.user_id, query.q)
    async with parts.database.transaction() as tx:
        views, cursor = await list_page(tx, caller.owner, narrowed, query.cursor, query.limit)
        return await page_of(tx, views, cursor)


async def document_of(tx: Tx, parts: Parts, view: RequestView) -> RequestDocument:
    """Return a request with its whole message and answer."""
    return RequestDocument(
        **{name: getattr(view, name) for name in _SAME_IN_FULL},
        message=await blobs.load(tx, view.message),
        answer=await whole(tx, view.outcome.answer if view.outcome else None),
        outcome=_outcome(view.outcome),
        questions=await _questions(tx, view),
        approvals=await approval_documents(tx, view.approvals),
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
