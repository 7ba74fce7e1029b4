"""Errors about who calls: not known, not allowed, too often, or without the money for it (`domain.errors`' tree)."""

from domain.errors import LonghaulError


class Unauthenticated(LonghaulError):
    """No key or token came, or none that is valid. The text never says which part was wrong."""

    code = "unauthenticated"


class Forbidden(LonghaulError):
    """The caller may not do this; `permission` is what is missing, if it is one."""

    code = "forbidden"

    def __init__(self, message: str, permission: str | None = None) -> None:
        super().__init__(message)
        self.permission = permission


class RateLimited(LonghaulError):
    """A limit of the caller's key, user or tenant is reached. `limit` names it, such as `requests per minute`."""

    code = "rate_limited"

    def __init__(self, message: str, retry_after_s: float, limit: str = "") -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.limit = limit


class MoneyError(LonghaulError):
    """The wallet or a budget does not pay for the work. Amounts are in micro-units."""

    code = "money"

    def __init__(self, message: str, *, wanted_micros: int = 0, available_micros: int = 0) -> None:
        super().__init__(message)
        self.wanted_micros = wanted_micros
        self.available_micros = available_micros


class InsufficientFunds(MoneyError):
    """There is not enough money, even when all that is held is released."""

    code = "insufficient_funds"


class FundsOnHold(MoneyError):
    """There would be enough money, were it not held by work that is under way."""

    code = "funds_on_hold"

    def __init__(
        self, message: str, *, wanted_micros: int = 0, available_micros: int = 0, retry_after_s: float = 5.0
    ) -> None:
        super().__init__(message, wanted_micros=wanted_micros, available_micros=available_micros)
        self.retry_after_s = retry_after_s


class BudgetSpent(MoneyError):
    """A budget of the tenant, the user or the key does not allow it. `budget`: its id."""

    code = "budget_spent"

    def __init__(self, message: str, *, budget: str = "", wanted_micros: int = 0, available_micros: int = 0) -> None:
        super().__init__(message, wanted_micros=wanted_micros, available_micros=available_micros)
        self.budget = budget
