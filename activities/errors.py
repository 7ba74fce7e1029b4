"""From every error to Temporal's ApplicationError, in one place.

`type` is the error's class, `details` are `[{"code", "cost_micros", "problems"}]`; the cost is that of the failed work,
as far as the workflow did not learn it otherwise. Of an unexpected error only class and place are told: its text may
quote a prompt.
"""

import logging
import traceback
from datetime import timedelta
from types import TracebackType
from typing import Any

from temporalio.exceptions import ApplicationError

from contracts.policies import MODEL_TRIES
from domain.errors import InvalidInput, LonghaulError, ModelError, ToolError, Unavailable
from services.llm.assignment import CallFailed

TEXT_LIMIT = 1000
"""Characters of an error's text."""

_log = logging.getLogger(__name__)


class Mapped:
    """`with Mapped():` turns what its block raises into ApplicationErrors; cancellations pass."""

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Raise what Temporal understands."""
        if isinstance(error, Exception) and not isinstance(error, ApplicationError):
            raise to_application_error(error) from None


def to_application_error(error: Exception) -> ApplicationError:
    """Return the ApplicationError that an error becomes at the edge to Temporal."""
    if isinstance(error, CallFailed):
        return _of_domain(error.error, error.cost_micros, last=error.tries >= MODEL_TRIES)
    if isinstance(error, LonghaulError):
        return _of_domain(error, 0)
    return _unexpected(error)


def _of_domain(error: LonghaulError, cost_micros: int, *, last: bool = False) -> ApplicationError:
    details: dict[str, Any] = {"code": error.code, "cost_micros": cost_micros}
    if isinstance(error, InvalidInput):
        details["problems"] = [problem.model_dump() for problem in error.problems]
    return ApplicationError(
        str(error)[:TEXT_LIMIT],
        details,
        type=type(error).__name__,
        non_retryable=last or not error.retryable,
        next_retry_delay=_delay(error),
    )


def _delay(error: LonghaulError) -> timedelta | None:
    if not isinstance(error, (ModelError, ToolError, Unavailable)) or not error.retryable:
        return None
    return None if error.retry_after_s is None else timedelta(seconds=error.retry_after_s)


def _unexpected(error: Exception) -> ApplicationError:
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].name}, line {frames[-1].lineno}" if frames else "an unknown place"
    kind = type(error).__name__
    _log.error("unexpected %s in %s\n%s", kind, place, "".join(traceback.format_list(frames)))
    return ApplicationError(f"unexpected {kind} in {place}"[:TEXT_LIMIT], type=kind)
