"""What is held for a call or a request before it is accepted, and what more when a request's budget is raised."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import JsonValue

from api.caller import Caller
from api.gateway.models import Models
from api.problems import ApiProblem
from domain.caller_errors import Forbidden
from domain.gateway import CallOptions
from domain.grants import GrantKind
from domain.json_fields import objects_of
from domain.ledger import (
    CALL_MARGIN_S,
    MOST_MICROS,
    REQUEST_HOLD_S,
    Charge,
    Payer,
    Size,
    call_estimate,
    request_estimate,
)
from domain.model_pool import Endpoint, Route
from domain.request import Options
from domain.sizes import FRAME_TOKENS, choices, input_tokens, plain_input_tokens, plain_output_tokens
from services.storage import charges
from services.storage.statements import Statements

_CALL_S: Final = 600.0
_HOUR_S: Final = 3600.0


def payer_of(caller: Caller) -> Payer:
    """Return who pays for what a caller asks.

    Raises:
        Forbidden: The wallet is not granted to the caller.
    """
    if caller.wallet is not None and not caller.grants.allow(GrantKind.WALLET, caller.wallet):
        raise Forbidden("you may not use the wallet that would pay for this")
    return Payer(caller.wallet, caller.tenant, caller.owner, caller.key_id)


def call_charge(models: Models, caller: Caller, route: Route, options: CallOptions, body: Mapping[str, Any]) -> Charge:
    """Return what is to be held for a gateway call: what it may cost at the dearest deployment that may answer."""
    payer = payer_of(caller)
    expires_s = 2 * (options.timeout_s or route.timeout_s or _CALL_S) + (options.wait_s or 0.0) + CALL_MARGIN_S
    if payer.wallet is None:
        return Charge(payer, expires_s=expires_s)
    rates = models.rates(options.model, caller.owner)
    return Charge(payer, call_estimate(_size(options, body), rates), expires_s)


def request_charge(caller: Caller, options: Options) -> Charge:
    """Return what is to be held for a request: its budget, or a usual amount."""
    lasts_s = REQUEST_HOLD_S if options.deadline_s is None else options.deadline_s + _HOUR_S
    return Charge(payer_of(caller), request_estimate(options.budget_micros), lasts_s)


async def hold_raised_budget(where: Statements, request_id: str, edits: JsonValue) -> None:
    """Hold more for a request whose budget an amendment raises, before the amendment is sent; a repeat changes nothing.

    Should the amendment then be refused, what is held stays until the request ends.

    Raises:
        ApiProblem: 409, the money is held by the request that this one is a step of.
        InsufficientFunds, FundsOnHold, BudgetSpent: There is not so much money.
        Conflict: The request has ended.
        Unavailable: The database does not answer.
    """
    wanted = max((_raised(edit) for edit in objects_of(edits)), default=0)
    if not wanted:
        return
    root = await charges.root_of(where, request_id)
    if root is None:
        return
    if root != request_id:
        raise ApiProblem(409, "held_by_root", f"the money is held by the request {root}: raise the budget of that one")
    await charges.extend(where, request_id, wanted)


def _raised(edit: Mapping[str, Any]) -> int:
    """Return to how much an edit raises the whole request's budget; 0: it does not. Its shape is judged elsewhere."""
    to = edit.get("to_micros")
    if edit.get("op") != "raise_budget" or edit.get("step_id") is not None or not isinstance(to, int):
        return 0
    return to if 0 < to <= MOST_MICROS else 0


def _size(options: CallOptions, body: Mapping[str, Any]) -> Size:
    if options.endpoint is not Endpoint.CHAT:
        return Size(plain_input_tokens(body), plain_output_tokens(body))
    bound = body.get("max_completion_tokens") or body.get("max_tokens")
    return Size(input_tokens(body) + FRAME_TOKENS, bound, choices(body))
