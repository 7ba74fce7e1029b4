"""Every error the product raises on purpose.

LonghaulError
├── InvalidInput             the caller's data is wrong; never retried
│   ├── ConditionInvalid     a step's condition does not parse
│   └── AmendmentRefused     an amendment did not pass; carries the problems
├── NotFound                 no such object, or not the caller's
├── Conflict                 the object is in another state than the caller thinks
├── Unavailable              Temporal or the database does not answer; retry later
├── Unauthenticated          no key or token, or none that is valid (401); this and the next: domain/caller_errors.py
├── Forbidden                the caller may not do this (403)
├── RateLimited              the caller's own limit is reached (429); `retry_after_s` says when, `limit` which
├── MoneyError               the wallet or a budget does not pay
│   ├── InsufficientFunds    there is not enough money (402)
│   ├── FundsOnHold          there is, but it is held by work under way (409); `retry_after_s` says when to ask again
│   └── BudgetSpent          a budget of the tenant, user or key is used up (402)
├── ModelError               a model call gave no answer
│   ├── ModelThrottled       429 or overloaded; `retry_after_s` says when
│   ├── ModelUnavailable     network, 5xx, cut stream, time-out; retried by the activity's policy
│   ├── ModelRejected        the request is wrong for this model (400, 404, 413, 422); never retried
│   │   ├── ModelContextTooLong   the input has more tokens than the model takes: a larger one may do
│   │   └── ModelContentRefused   the provider's policy forbids the content
│   ├── ModelCredentialDead  401, 402, 403; never retried with the same credential
│   ├── ModelUnknown         no route has this name, or it may not be used; never retried
│   ├── NoCapacity           every account that could answer is at its limit or out; `retry_after_s` says when
│   ├── ModelAnswerInvalid   an answer that breaks the protocol; retried
│   ├── ModelAnswerTooLarge  an answer over the product's bound; never retried
│   └── BudgetExhausted      what is left of the budget does not pay another call
└── ToolError                a tool server gave no usable answer; `may_have_happened` tells whether it may have acted
    ├── ToolUnavailable      no connection, dead transport, 5xx, 429; repeated only if that does no harm
    │   └── ToolTimedOut     the server took all the time the call had
    ├── ToolArgumentsInvalid the arguments break the tool's schema, or the server refuses them: plan anew
    ├── ToolMissing          the server has no such tool any more: refresh, plan anew
    ├── ToolFailed           the tool says that it failed; its text is for the planner
    ├── ToolAuthNeeded       401, 403 or an expired token: somebody must sign in
    ├── ToolNeedsInput       the server asks for more input in mid-call
    ├── ToolAnswerInvalid    an answer that breaks the protocol
    ├── ToolAnswerTooLarge   an answer over the server's bound
    └── ToolRefused          our own rules forbid it: disabled, not approved, command not listed, private address
"""

from collections.abc import Mapping
from types import MappingProxyType
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
    """The object is in another state than the caller thinks; `problems` may name what is in the way."""

    code = "conflict"

    def __init__(self, message: str, problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems


class Unavailable(LonghaulError):
    """A part the product needs does not answer."""

    code = "unavailable"
    retryable = True

    def __init__(self, message: str, retry_after_s: float = 2.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ModelError(LonghaulError):
    """A model call that gave no answer. `retry_after_s`: the provider's own advice, already clamped, or None.

    `told`: the headers of the provider's refusal, lower-case; empty where none came.
    """

    code = "model_error"
    told: Mapping[str, str] = MappingProxyType({})

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


class ModelContextTooLong(ModelRejected):
    """The input has more tokens than the model takes."""

    code = "context_length_exceeded"


class ModelContentRefused(ModelRejected):
    """The provider's policy forbids the content."""

    code = "content_refused"


class ModelCredentialDead(ModelError):
    """The provider does not accept the credential, or its account has no funds."""

    code = "model_credential_dead"


class ModelUnknown(ModelError):
    """No route has this name (404), or the caller may not use it (403, `forbidden`)."""

    code = "model_not_found"

    def __init__(self, message: str, *, forbidden: bool = False) -> None:
        super().__init__(message)
        self.forbidden = forbidden


class NoCapacity(ModelError):
    """Every account that could answer is at its limit, parked or resting. `resting`: none is at its limit."""

    code = "no_capacity"
    retryable = True

    def __init__(self, message: str, retry_after_s: float = 1.0, *, resting: bool = False) -> None:
        super().__init__(message, retry_after_s)
        self.resting = resting


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


class ToolError(LonghaulError):
    """A tool server gave no usable answer.

    `may_have_happened`: the call had been sent, so that a write may have taken place.
    """

    code = "tool_error"

    def __init__(self, message: str, *, may_have_happened: bool = False, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.may_have_happened = may_have_happened
        self.retry_after_s = retry_after_s


class ToolUnavailable(ToolError):
    """The server, or the way to it, failed."""

    code = "tool_unavailable"
    retryable = True


class ToolTimedOut(ToolUnavailable):
    """The server did not answer in the time that the call had."""

    code = "tool_timed_out"


class ToolArgumentsInvalid(ToolError):
    """The arguments are not what the tool takes; `problems` carry JSON pointers into them."""

    code = "tool_arguments_invalid"

    def __init__(self, message: str, problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems


class ToolMissing(ToolError):
    """The server has no such tool, resource or prompt."""

    code = "tool_missing"


class ToolFailed(ToolError):
    """The tool ran and says that it failed. The text is the server's: data, bounded."""

    code = "tool_failed"


class ToolAuthNeeded(ToolError):
    """The server does not accept us: somebody must sign in, or an admin must mend the credential."""

    code = "tool_auth_needed"


class ToolNeedsInput(ToolError):
    """The server wants to ask somebody in mid-call."""

    code = "tool_needs_input"


class ToolAnswerInvalid(ToolError):
    """The server's answer breaks the protocol."""

    code = "tool_answer_invalid"


class ToolAnswerTooLarge(ToolError):
    """The answer is larger than the server may send."""

    code = "tool_answer_too_large"


class ToolRefused(ToolError):
    """Our own rules forbid the call or the connection."""

    code = "tool_refused"
