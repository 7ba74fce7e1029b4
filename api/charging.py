"""What is held for a call or a request before it is accepted, and what more when a request's budget is raised."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import JsonValue, TypeAdapter, ValidationError

from api.caller import Caller
from api.gateway.models import Models
from api.problems import ApiProblem
from domain.caller_errors import Forbidden
from domain.edits import Edit, RaiseBudget
from domain.errors import Conflict
from domain.gateway import CallOptions
from domain.grants import GrantKind
from domain.ledger import (
    CALL_MARGIN_S,
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
_EDITS: Final[TypeAdapter[tuple[Edit, ...]]] = TypeAdapter(tuple[Edit, ...])


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

    The workflow does the same for amendments that come by another door. Refused here, an amendment has not been sent,
    so that its message id can be used again when there is money. Should it be refused later, what is held stays until
    the request ends.

    Raises:
        ApiProblem: 409, the hold has ended, or is that of the request that this one is a step of.
        InsufficientFunds, FundsOnHold, BudgetSpent: There is not so much money.
        Unavailable: The database does not answer.
    """
    to_micros = _raised(edits)
    if not to_micros:
        return
    try:
        await charges.raise_to(where, request_id, to_micros)
    except Conflict as refused:
        raise ApiProblem(409, refused.problems[0].code, str(refused)) from None


def _raised(edits: JsonValue) -> int:
    """Return to how much edits raise the whole request's budget; 0: not at all, or the workflow will refuse them."""
    try:
        read = _EDITS.validate_python(edits)
    except ValidationError:
        return 0
    raised = (edit.to_micros for edit in read if isinstance(edit, RaiseBudget) and edit.step_id is None)
    return max(raised, default=0)


def _size(options: CallOptions, body: Mapping[str, Any]) -> Size:
    if options.endpoint is not Endpoint.CHAT:
        return Size(plain_input_tokens(body), plain_output_tokens(body))
    bound = body.get("max_completion_tokens") or body.get("max_tokens")
    return Size(input_tokens(body) + FRAME_TOKENS, bound, choices(body))
