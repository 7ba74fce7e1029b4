"""Whether a call that failed at one deployment goes on to another. Pure; the pool then finds the other one."""

from dataclasses import dataclass

from domain.errors import (
    BudgetExhausted,
    ModelAnswerTooLarge,
    ModelContentRefused,
    ModelContextTooLong,
    ModelCredentialDead,
    ModelError,
    ModelRejected,
    ModelUnknown,
)

SHORTEST_S = 1.0
"""With less time left no other deployment is asked."""


@dataclass(frozen=True)
class Attempt:
    """A failed attempt.

    Attributes:
        error: Why it failed.
        took_s: How long it took, in seconds; `left_s`: what the call has left.
        number: Attempts made so far, this one included; `most`: how many there may be.
        streamed: The caller has seen text of it; `resets`: the caller may be told to forget that.
    """

    error: ModelError
    took_s: float
    left_s: float
    number: int
    most: int
    streamed: bool = False
    resets: bool = False


def goes_on(attempt: Attempt) -> bool:
    """Return whether another deployment is asked.

    Never after text that cannot be taken back, nor for what no other deployment would do better. A slow failure is not
    repeated when as slow a second one would not fit into the time left.
    """
    if attempt.number >= attempt.most or (attempt.streamed and not attempt.resets):
        return False
    if attempt.left_s < max(attempt.took_s, SHORTEST_S):
        return False
    return _another_may_do_better(attempt.error)


def _another_may_do_better(error: ModelError) -> bool:
    if isinstance(error, (ModelContentRefused, ModelUnknown, BudgetExhausted, ModelAnswerTooLarge)):
        return False
    if isinstance(error, ModelContextTooLong):
        return True
    if isinstance(error, ModelRejected):
        return False
    return error.retryable or isinstance(error, ModelCredentialDead)
