"""What the SQL functions refuse on purpose (SQLSTATE `LH…`), as errors of the domain."""

import json
from typing import Any

import asyncpg

from domain.caller_errors import BudgetSpent, FundsOnHold, InsufficientFunds
from domain.errors import Conflict, InvalidInput, LonghaulError, NotFound, Problem

RETRY_AFTER_S = 5.0
"""When to ask again for money that is held: calls end within seconds."""


def refusal_of(error: BaseException) -> LonghaulError | None:
    """Return the domain's error for a refusal of a SQL function; None: it is none."""
    if not isinstance(error, asyncpg.PostgresError) or not (error.sqlstate or "").startswith("LH"):
        return None
    details: dict[str, Any] = json.loads(error.detail) if error.detail else {}
    return _money(error, details) or _other(error, details)


def _money(error: asyncpg.PostgresError, details: dict[str, Any]) -> LonghaulError | None:
    wanted, available = details.get("wanted_micros", 0), details.get("available_micros", 0)
    text = (
        f"{error.message}: {wanted} micro-units may be needed, {available} are available" if wanted else error.message
    )
    match error.sqlstate:
        case "LH402":
            return InsufficientFunds(text, wanted_micros=wanted, available_micros=available)
        case "LH403":
            budget = details.get("budget") or ""
            return BudgetSpent(text, budget=budget, wanted_micros=wanted, available_micros=available)
        case "LH409":
            return FundsOnHold(text, wanted_micros=wanted, available_micros=available, retry_after_s=RETRY_AFTER_S)
        case _:
            return None


def _other(error: asyncpg.PostgresError, details: dict[str, Any]) -> LonghaulError:
    problems = (Problem(code=str(details.get("code", "refused")), path="", message=error.message),)
    match error.sqlstate:
        case "LH404":
            return NotFound(error.message)
        case "LH422":
            return InvalidInput(error.message, problems)
        case _:
            return Conflict(error.message, problems)
