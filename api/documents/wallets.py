"""Wallets, what is moved in them, and their statements on the wire. Amounts are integer micro-units."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, field_validator
from pydantic.config import JsonDict

from domain.ledger import MOST_MICROS, PRICE_CURRENCY
from services.identity.tenants import WalletId
from services.ledger.statements import NEWEST, StatementEntry
from services.ledger.wallets import WalletView

_NEW: JsonDict = {"name": "Support team", "currency": "USD", "floor_micros": 0}
_CHANGE: JsonDict = {"name": "Support and sales"}
_TOP_UP: JsonDict = {"amount_micros": 50_000_000, "reason": "invoice 2026-114"}
_ADJUSTMENT: JsonDict = {"amount_micros": -1_250_000, "reason": "paid twice"}
_REFUND: JsonDict = {"posting": 4711, "reason": "the answer was cut"}

STATEMENT_MOST: Final = 1000
"""Entries of one page."""

_Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
_Reason = Annotated[
    str, Field(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]+$", description="Shown in the statement.")
]
Amount = Annotated[int, Field(ge=1, le=MOST_MICROS, strict=True)]
_Floor = Annotated[
    int,
    Field(
        ge=-MOST_MICROS,
        le=0,
        strict=True,
        description="How far what is available may sink. 0: prepaid; less: a credit line with an end.",
    ),
]
_Tenant = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]


def _in_utc(time: datetime) -> datetime:
    """Return a time in UTC; at the ends of the calendar there is none."""
    try:
        return time.astimezone(UTC)
    except OverflowError:
        raise ValueError("there is no such time in UTC") from None


_Time = Annotated[AwareDatetime, AfterValidator(_in_utc)]


class _Body(BaseModel):
    """What comes in; a member that is not known is refused."""

    model_config = ConfigDict(extra="forbid")


class NewWalletBody(_Body):
    """A wallet to make.

    Attributes:
        tenant: Whose it is; yours when left out. A tenant's first wallet is its default.
        floor_micros: How far it may sink; null: a credit line without end.
        is_default: Whether the tenant's calls are charged to it from now on.
    """

    model_config = ConfigDict(json_schema_extra={"example": _NEW})

    name: _Name
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = PRICE_CURRENCY
    floor_micros: _Floor | None = 0
    tenant: _Tenant | None = None
    is_default: bool = False


class WalletChangeBody(_Body):
    """What to change; what is left out stays. `disabled`: no new money and no new work."""

    model_config = ConfigDict(json_schema_extra={"example": _CHANGE})

    name: _Name | None = None
    disabled: bool | None = None
    floor_micros: _Floor | None = None
    is_default: Annotated[Literal[True] | None, Field(description="It stops being it when another becomes it.")] = None


class WalletsQuery(_Body):
    """Which wallets."""

    tenant: _Tenant | None = Field(default=None, description="Whose; yours when left out.")
    after: WalletId | None = Field(default=None, description="`after` of the page before.")
    limit: int = Field(default=100, ge=1, le=500)


class WalletsDocument(BaseModel):
    """Wallets by id. `after`: give it to get the next page; null on the last."""

    wallets: list[WalletView]
    after: str | None


class TopUpBody(_Body):
    """Money to bring into a wallet."""

    model_config = ConfigDict(json_schema_extra={"example": _TOP_UP})

    amount_micros: Amount
    reason: _Reason


class AdjustmentBody(_Body):
    """An amount to put a wallet right by: added, or, negative, taken."""

    model_config = ConfigDict(json_schema_extra={"example": _ADJUSTMENT})

    amount_micros: Annotated[int, Field(ge=-MOST_MICROS, le=MOST_MICROS, strict=True)]
    reason: _Reason

    @field_validator("amount_micros")
    @classmethod
    def _is_one(cls, amount: int) -> int:
        if amount == 0:
            raise ValueError("nothing is no adjustment")
        return amount


class RefundBody(_Body):
    """What to give back of a posting. `amount_micros` null: all that the wallet paid and that was not given back."""

    model_config = ConfigDict(json_schema_extra={"example": _REFUND})

    posting: Annotated[int, Field(ge=1, le=NEWEST, strict=True, description="The id of the `post` in the statement.")]
    amount_micros: Amount | None = None
    reason: _Reason


class StatementForm(StrEnum):
    """How a statement comes: one document, a line of JSON for each entry, or a line of CSV."""

    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"


class StatementQuery(_Body):
    """Which part of a statement, and how."""

    since: _Time | None = Field(default=None, description="From then on.")
    until: _Time | None = Field(default=None, description="Until just before.")
    before: int | None = Field(default=None, ge=1, le=NEWEST, description="`before` of the page before.")
    limit: int = Field(default=100, ge=1, le=STATEMENT_MOST)
    form: StatementForm = StatementForm.JSON


class StatementDocument(BaseModel):
    """A part of a wallet's statement, newest first. `before`: give it to get the next page; null on the last."""

    wallet: str
    currency: str
    entries: list[StatementEntry]
    before: int | None
