"""Reading why an activity or a child failed: the real cause under Temporal's wrappers."""

from collections.abc import Sequence
from typing import NamedTuple, cast

from pydantic import JsonValue
from temporalio import exceptions
from temporalio.exceptions import ApplicationError, FailureError

TEXT_LIMIT = 1000


class Failure(NamedTuple):
    """A stable code, a bounded sentence, and what the work has cost, if the failure tells it."""

    code: str
    text: str
    cost_micros: int | None = None


def cause_of(error: FailureError) -> Failure:
    """Return what went wrong: an application error's type, `timeout`, or the wrapper's own class in words."""
    current: BaseException = error
    while isinstance(current, FailureError) and current.cause is not None:
        current = current.cause
    if isinstance(current, ApplicationError):
        return Failure(_snake(current.type or "internal"), current.message[:TEXT_LIMIT], _told_cost(current))
    if isinstance(current, exceptions.TimeoutError):
        kind = current.type.name.lower().replace("_", " ") if current.type else "time-out"
        return Failure("timeout", f"no answer in time ({kind})")
    return Failure(_snake(type(current).__name__), str(current)[:TEXT_LIMIT])


def _told_cost(error: ApplicationError) -> int | None:
    for detail in cast("Sequence[JsonValue]", error.details):
        cost = detail.get("cost_micros") if isinstance(detail, dict) else None
        if isinstance(cost, int):
            return cost
    return None


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
