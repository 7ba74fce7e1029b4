"""Requests as their owner sees them: one, a page of them, a conversation."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, Select, func, or_, select

from domain.content import Text
from domain.documents import Turn
from domain.errors import InvalidInput, NotFound
from domain.ids import REQUEST_ID
from domain.request import Approval, Options, Outcome, Phase, ProcessedInput, Question
from domain.value import Value
from services.storage import blobs
from services.storage.database import Tx
from services.storage.statements import Statements
from services.storage.tables import Request, table

_REQUEST = table(Request)
_R = _REQUEST.c
_HOUSE_PAGE = 100
_ITEMS = frozenset({"open_items", "not_started", "kind", "tenant", "key_id", "wallet_id", "hold_id"})


class RequestView(Value):
    """A request as it stands. `plan_version` 0: no plan yet. `cost_micros`: all its calls and ended sub-requests."""

    id: str
    owner: str
    user_id: str | None
    conversation_id: str | None
    parent_id: str | None
    parent_step_id: str | None
    depth: int
    message: Text
    options: Options
    phase: Phase
    paused: bool
    processed_input: ProcessedInput | None
    language: str | None
    plan_version: int
    last_seq: int
    cost_micros: int
    outcome: Outcome | None
    questions: tuple[Question, ...]
    approvals: tuple[Approval, ...]
    simulated: bool
    forked_from: str | None
    created_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True)
class Filter:
    """What a list is narrowed to. `q`: words found in a message of at most 1 KiB or in what was understood of it.

    `top_level`: leave sub-requests out.
    """

    phase: Phase | None = None
    conversation_id: str | None = None
    user_id: str | None = None
    q: str | None = None
    top_level: bool = True


_EVERYTHING = Filter()
_SEARCHED = (
    _R.message["text"].astext,
    _R.processed_input["intent"].astext,
    _R.processed_input["detailed_description"].astext,
)


async def get(tx: Tx, owner: str, request_id: str) -> RequestView:
    """Return one request.

    Raises:
        NotFound: There is none, or it is another owner's.
    """
    query = select(_REQUEST).where(_R.id == request_id, _R.owner == owner)
    row = (await tx.connection.execute(query)).mappings().first()
    if row is None:
        raise NotFound("no such request")
    return _view(row)


async def check_owner(tx: Tx, owner: str, request_id: str) -> None:
    """Return when the request is the owner's.

    Raises:
        NotFound: There is none, or it is another owner's.
    """
    if await tx.driver.fetchval("SELECT 1 FROM request WHERE id = $1 AND owner = $2", request_id, owner) is None:
        raise NotFound("no such request")


async def list_page(
    tx: Tx, owner: str, narrowed: Filter = _EVERYTHING, cursor: str | None = None, limit: int = 50
) -> tuple[list[RequestView], str | None]:
    """Return a page of requests, newest first, and the cursor of the next page (None: this was the last).

    Raises:
        InvalidInput: The cursor is not one of ours.
    """
    return await _page(tx, _listed(narrowed).where(_R.owner == owner), cursor, limit)


async def list_of_everybody(
    tx: Tx, narrowed: Filter, cursor: str | None = None
) -> tuple[list[RequestView], str | None]:
    """Return a page as `list_page`, whoever's the requests are: for keeping house, never for a caller."""
    return await _page(tx, _listed(narrowed), cursor, _HOUSE_PAGE)


def _listed(narrowed: Filter) -> Select[Any]:
    return _narrow(select(_REQUEST).where(_R.kind == "request", ~_R.not_started), narrowed)


async def _page(tx: Tx, query: Select[Any], cursor: str | None, limit: int) -> tuple[list[RequestView], str | None]:
    if cursor is not None:
        if not REQUEST_ID.match(cursor):
            raise InvalidInput("the cursor is not one of ours")
        query = query.where(_R.id < cursor)
    rows = (await tx.connection.execute(query.order_by(_R.id.desc()).limit(limit + 1))).mappings().all()
    views = [_view(row) for row in rows[:limit]]
    return views, views[-1].id if len(rows) > limit else None


async def conversation(
    where: Statements, owner: str, conversation_id: str, before_request_id: str, limit: int = 10, max_chars: int = 8000
) -> list[Turn]:
    """Return the turns of the last `limit` answered requests before one, oldest first, each text cut to `max_chars`."""
    query = select(_R.message, _R.outcome["answer"].label("answer")).where(
        _R.owner == owner,
        _R.conversation_id == conversation_id,
        _R.id < before_request_id,
        _R.phase == Phase.DONE.value,
        _R.parent_id.is_(None),
    )
    rows = await where.select(query.order_by(_R.id.desc()).limit(limit))
    texts: dict[str, Text] = {}
    for number, (message, answer) in enumerate(reversed(rows)):
        texts[f"{number}/user"] = Text.model_validate(message)
        if answer is not None:
            texts[f"{number}/assistant"] = Text.model_validate(answer)
    loaded = await blobs.load_many(where, texts)
    return [
        Turn(role="user" if name.endswith("/user") else "assistant", text=text[:max_chars])
        for name, text in loaded.items()
    ]


def _narrow(query: Select[Any], narrowed: Filter) -> Select[Any]:
    if narrowed.top_level:
        query = query.where(_R.parent_id.is_(None))
    if narrowed.phase is not None:
        query = query.where(_R.phase == narrowed.phase.value)
    if narrowed.conversation_id is not None:
        query = query.where(_R.conversation_id == narrowed.conversation_id)
    if narrowed.user_id is not None:
        query = query.where(_R.user_id == narrowed.user_id)
    for word in (narrowed.q or "").split()[:10]:
        query = query.where(or_(*(func.lower(column).contains(word.lower(), autoescape=True) for column in _SEARCHED)))
    return query


def _view(row: RowMapping) -> RequestView:
    known = {key: value for key, value in row.items() if key not in _ITEMS}
    items = row["open_items"]
    questions = tuple(items["questions"].values())
    approvals = tuple(items["approvals"].values())
    return RequestView.model_validate({**known, "questions": questions, "approvals": approvals})
