"""Limits of an account, held to exactly, or only announced.

A window slides: a call is refused when as many as the limit allows were accepted in the `window_s` seconds before it.
Its tokens count with it: those of the prompt from the start, those of the answer once it is made.
"""

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import NamedTuple

from simulators.model_provider.errors import ApiError

_MINUTE_S = 60.0
_LEAST_WAIT_S = 0.001
"""Told where rounding leaves nothing to wait for, though the window is still full."""
_ANNOUNCED_REQUESTS = 100_000
_ANNOUNCED_TOKENS = 10_000_000
_ACCOUNTS = 10_000
"""How many accounts are remembered; the one unused for the longest time is forgotten first."""

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Limit:
    """What an account may do; None for without bound.

    Attributes:
        rpm: Calls in a window. (With the usual window these are requests per minute.)
        tpm: Tokens in a window.
        window_s: The window's length in seconds.
        concurrency: Calls open at once.
    """

    rpm: int | None = None
    tpm: int | None = None
    window_s: float = _MINUTE_S
    concurrency: int | None = None

    @property
    def counts(self) -> bool:
        """Whether what happened in the window matters, and so is remembered."""
        return self.rpm is not None or self.tpm is not None


class Standing(NamedTuple):
    """Where an account stands after a call was counted: what the headers of an answer tell. Times in seconds."""

    requests: int
    requests_left: int
    requests_reset_s: float
    tokens: int
    tokens_left: int
    tokens_reset_s: float


class OverLimitError(ApiError):
    """429; `standing` tells of the limit."""

    def __init__(self, message: str, retry_after_s: float, standing: Standing) -> None:
        super().__init__(429, message, retry_after_s=retry_after_s)
        self.standing = standing


@dataclass(slots=True)
class _Taken:
    at: float
    tokens: int


@dataclass(slots=True)
class _Account:
    """What one account did. Without limits its calls are counted by the minute and not remembered."""

    window: deque[_Taken] = field(default_factory=deque[_Taken])
    tokens: int = 0
    open: int = 0
    minute: float = 0.0
    in_minute: int = 0


@dataclass(slots=True)
class Limits:
    """The limits of a server: of each account the same, or one of its own for some."""

    usual: Limit | None = None
    of_account: dict[str, Limit] = field(default_factory=dict[str, Limit])
    _accounts: OrderedDict[str, _Account] = field(default_factory=OrderedDict[str, _Account])

    def admit(self, key: str, prompt_tokens: int, now: float) -> Standing:
        """Count a call at a monotonic time; `leave` must follow.

        Raises:
            OverLimitError: It would be over a limit, and is not counted.
        """
        account = self._account(key)
        limit = self.of_account.get(key, self.usual)
        if limit is None:
            account.open += 1
            return _announced(account, now)
        _slide(account, limit, now)
        _refuse(account, limit, prompt_tokens, now)
        if limit.counts:
            account.window.append(_Taken(now, prompt_tokens))
            account.tokens += prompt_tokens
        account.open += 1
        return _standing(account, limit, now)

    def spend(self, key: str, tokens: int) -> None:
        """Count the tokens of the answer to the call that `key` was admitted for last."""
        account = self._accounts.get(key)
        if account is not None and account.window and tokens:
            account.window[-1].tokens += tokens
            account.tokens += tokens

    def leave(self, key: str) -> None:
        """Count that a call of `key` is over."""
        account = self._accounts.get(key)
        if account is not None:
            account.open = max(account.open - 1, 0)

    def _account(self, key: str) -> _Account:
        account = self._accounts.get(key)
        if account is None:
            account = self._accounts[key] = _Account()
            if len(self._accounts) > _ACCOUNTS:
                self._accounts.popitem(last=False)
        else:
            self._accounts.move_to_end(key)
        return account


def _slide(account: _Account, limit: Limit, now: float) -> None:
    window = account.window
    while window and now - window[0].at >= limit.window_s:
        account.tokens -= window.popleft().tokens


def _refuse(account: _Account, limit: Limit, prompt_tokens: int, now: float) -> None:
    requests_s, tokens_s = _waits(account, limit, prompt_tokens, now)
    problems = (
        ("requests", requests_s),
        ("tokens", tokens_s),
        ("calls at once", 1.0 if limit.concurrency is not None and account.open >= limit.concurrency else 0.0),
    )
    for what, wait_s in problems:
        if wait_s > 0:
            message = f"rate limit reached for {what}"
            raise OverLimitError(message, wait_s, _standing(account, limit, now))


def _waits(account: _Account, limit: Limit, prompt_tokens: int, now: float) -> tuple[float, float]:
    """Return the seconds until one more request fits, and until its tokens do."""
    requests_s = tokens_s = 0.0
    if limit.rpm is not None and len(account.window) >= limit.rpm:
        requests_s = max(account.window[-limit.rpm].at + limit.window_s - now, _LEAST_WAIT_S)
    if limit.tpm is not None and account.tokens + prompt_tokens > limit.tpm:
        at = _until_free(account, account.tokens + prompt_tokens - limit.tpm)
        tokens_s = limit.window_s if at is None else max(at + limit.window_s - now, _LEAST_WAIT_S)
    return requests_s, tokens_s


def _until_free(account: _Account, wanted: int) -> float | None:
    """Return when the call was taken that, with those before it, holds so many tokens; None if none does."""
    for taken in account.window:
        wanted -= taken.tokens
        if wanted <= 0:
            return taken.at
    return None


def _standing(account: _Account, limit: Limit, now: float) -> Standing:
    requests = _ANNOUNCED_REQUESTS if limit.rpm is None else limit.rpm
    tokens = _ANNOUNCED_TOKENS if limit.tpm is None else limit.tpm
    reset_s = account.window[0].at + limit.window_s - now if account.window else 0.0
    return Standing(
        requests, max(requests - len(account.window), 0), reset_s, tokens, max(tokens - account.tokens, 0), reset_s
    )


def _announced(account: _Account, now: float) -> Standing:
    if now - account.minute >= _MINUTE_S:
        account.minute, account.in_minute = now, 0
    account.in_minute += 1
    left = max(_ANNOUNCED_REQUESTS - account.in_minute, 0)
    reset_s = _MINUTE_S - (now - account.minute)
    return Standing(_ANNOUNCED_REQUESTS, left, reset_s, _ANNOUNCED_TOKENS, _ANNOUNCED_TOKENS, 0.0)
