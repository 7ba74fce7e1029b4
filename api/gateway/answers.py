"""From a call's outcome to the answer that it names."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from api.gateway.pieces import Chunk, End
from domain.call_errors import INVALID
from domain.errors import NotFound
from domain.gateway import CallError, CallOutcome
from services.storage import blobs
from services.storage.statements import Statements

_GONE: Final = CallError(status=410, type=INVALID, code="answer_gone", message="the answer is no longer kept")


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer's chunks, or the body of a call that has none (embeddings)."""

    chunks: tuple[Chunk, ...] = ()
    body: Mapping[str, Any] | None = None


async def load_end(where: Statements, outcome: CallOutcome) -> End:
    """Return the end of a call with its answer, in one round trip when that is long.

    Raises:
        Unavailable: The database does not answer.
    """
    if outcome.phase != "done" or outcome.answer is None:
        return End(outcome)
    try:
        answer = parse(await blobs.load(where, outcome.answer))
    except NotFound:
        return End(CallOutcome(phase="failed", error=_GONE, routing=outcome.routing))
    return End(outcome, answer.chunks, answer.body)


def parse(text: str) -> Answer:
    """Read an answer as it is stored."""
    told = cast("dict[str, Any]", json.loads(text))
    return Answer(tuple(told.get("chunks", ())), told.get("body"))
