"""What may come of using a hostile server."""

from collections.abc import Callable
from dataclasses import dataclass

from domain.errors import (
    ToolAnswerInvalid,
    ToolAnswerTooLarge,
    ToolArgumentsInvalid,
    ToolAuthNeeded,
    ToolError,
    ToolFailed,
    ToolMissing,
    ToolNeedsInput,
    ToolRefused,
    ToolUnavailable,
)
from services.tools.client.answers import Answer
from services.tools.client.listing import Listing
from tests.tools.hostile.arena import Attempt


@dataclass(frozen=True, slots=True)
class Fails:
    """An error of one of these kinds; `maybe`: what `may_have_happened` must be, None if that is open."""

    kinds: tuple[type[ToolError], ...]
    maybe: bool | None = None

    def problem(self, attempt: Attempt) -> str | None:
        """Return what is wrong with an outcome."""
        got = attempt.got
        if not isinstance(got, self.kinds):
            return f"should fail with {[kind.__name__ for kind in self.kinds]}, got {got!r}"
        if self.maybe is not None and got.may_have_happened is not self.maybe:
            return f"may_have_happened should be {self.maybe}: {got!r}"
        return None


@dataclass(frozen=True, slots=True)
class Gives:
    """An answer or a list that passes a check."""

    check: Callable[[Answer], bool] = lambda _: True

    def problem(self, attempt: Attempt) -> str | None:
        """Return what is wrong with an outcome."""
        if isinstance(attempt.got, Answer):
            return None if self.check(attempt.got) else f"unexpected answer {attempt.got!r}"
        return None if isinstance(attempt.got, Listing) else f"should be answered, got {attempt.got!r}"


Outcome = Fails | Gives

LOST = Fails((ToolUnavailable,), maybe=True)
"""It may have happened: nobody knows."""
BROKEN = Fails((ToolAnswerInvalid,), maybe=True)
TOO_LARGE = Fails((ToolAnswerTooLarge,), maybe=True)
UNUSABLE = Fails((ToolUnavailable, ToolAnswerInvalid, ToolAnswerTooLarge), maybe=True)
TURNED_AWAY = Fails((ToolUnavailable,), maybe=False)
REFUSED = Fails((ToolRefused,))
SIGN_IN = Fails((ToolAuthNeeded,), maybe=False)
FAILED = Fails((ToolFailed,))
MISSING = Fails((ToolMissing,))
ARGUMENTS = Fails((ToolArgumentsInvalid,))
QUESTION = Fails((ToolNeedsInput,))
NO_PROTOCOL = Fails((ToolAnswerInvalid, ToolUnavailable))
UNGREETED = Fails((ToolUnavailable, ToolAnswerInvalid, ToolAnswerTooLarge, ToolFailed), maybe=False)
"""The connection did not open, for whichever of these reasons."""
FINE = Gives()
