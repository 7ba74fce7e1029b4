"""Every error the product raises on purpose.

LonghaulError
├── InvalidInput             the caller's data is wrong; never retried
│   ├── ConditionInvalid     a step's condition does not parse
│   └── AmendmentRefused     an amendment did not pass; carries the problems
├── NotFound                 no such object, or not the caller's
├── Conflict                 the object is in another state than the caller thinks
├── Unavailable              Temporal or the database does not answer; retry later
└── ModelError               a model call gave no answer
├── ModelThrottled       429 or overloaded; `retry_after_s` says when
├── ModelUnavailable     network, 5xx, cut stream, time-out; retried by the activity's policy
├── ModelRejected        the request is wrong for this model (400, 404, 413, 422); never retried
├── ModelCredentialDead  401, 402, 403; never retried with the same credential
├── ModelAnswerInvalid   an answer that breaks the protocol; retried
├── ModelAnswerTooLarge  an answer over the product's bound; never retried
└── BudgetExhausted      what is left of the budget does not pay another call
"""

from typing import Annotated, ClassVar

from pydantic import AfterValidator

from domain.value import Value

PROBLEM_LIMIT = 1000
"""Characters of a problem's path or message: they may quote what a stranger wrote."""

_Short = Annotated[str, AfterValidator(lambda text: text[:PROBLEM_LIMIT])]


class Problem(Value):
    """One reason for a refusal: a stable `code`, the JSON pointer `path` of the culprit, and a sentence for people."""

    code: str
    path: _Short
    message: _Short


class LonghaulError(Exception):
    """The root. `code` is stable and machine-readable, the text is for people and carries no secret and no prompt."""

    code: ClassVar[str] = "internal"
    retryable: ClassVar[bool] = False


class InvalidInput(LonghaulError):
    """The caller's data is wrong."""

    code = "invalid_input"

    def __init__(self, message: str, problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems


class ConditionInvalid(InvalidInput):
    """A condition that does not parse, or is too long or too deep."""

    code = "condition_invalid"


class AmendmentRefused(InvalidInput):
    """An amendment that did not pass; the plan is unchanged."""

    code = "amendment_refused"


class NotFound(LonghaulError):
    """No such object, or it belongs to somebody else: the two are not told apart."""

    code = "not_found"


class Conflict(LonghaulError):
    """The object is in another state than the caller thinks."""

    code = "conflict"


class Unavailable(LonghaulError):
    """A part the product needs does not answer."""

    code = "unavailable"
    retryable = True

    def __init__(self, message: str, retry_after_s: float = 2.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ModelError(LonghaulError):
    """A model call that gave no answer. `retry_after_s`: the provider's own advice, already clamped, or None."""

    code = "model_error"

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ModelThrottled(ModelError):
    """The provider asks for patience."""

    code = "model_throttled"
    retryable = True


class ModelUnavailable(ModelError):
    """The provider, or the way to it, failed."""

    code = "model_unavailable"
    retryable = True


class ModelRejected(ModelError):
    """The provider will never take this request."""

    code = "model_rejected"


class ModelCredentialDead(ModelError):
    """The provider does not accept the credential, or its account has no funds."""

    code = "model_credential_dead"


class ModelAnswerInvalid(ModelError):
    """The provider's answer breaks its own protocol."""

    code = "model_answer_invalid"
    retryable = True


class ModelAnswerTooLarge(ModelError):
    """The answer is larger than the product takes."""

    code = "model_answer_too_large"


class BudgetExhausted(ModelError):
    """The grant does not pay for another call."""

    code = "budget_exhausted"
