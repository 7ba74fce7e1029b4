"""API keys on the wire, with the budgets and limits that are theirs alone."""

from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field
from pydantic.config import JsonDict

from api.documents.budgets import BudgetTermsBody
from api.documents.identity import TenantId, UserId
from api.documents.pool import PageQuery, Revision
from domain.caller_limits import PER_SUBJECT as LIMITS_AT_MOST
from domain.caller_limits import LimitTerms
from domain.value import Value
from services.identity.key_bounds import KeyFields
from services.identity.key_rotation import Rotation
from services.identity.key_rows import KeyView
from services.ledger.budgets import PER_SUBJECT as BUDGETS_AT_MOST
from services.ledger.budgets import BudgetView
from services.storage.limit_desk import LimitView

_KEY: JsonDict = {
    "name": "nightly reports",
    "permissions": ["calls.create"],
    "grants": {"model": ["gpt-4o*"]},
    "networks": ["10.0.0.0/8"],
}
_BOUNDS: JsonDict = {
    "budgets": [{"period": "month", "limit_micros": 5_000_000}],
    "limits": [{"kind": "requests", "amount": 60, "window_s": 60}],
}
_ROTATION: JsonDict = {"generation": 1, "grace_s": 3600, "rotation_id": "2026-11"}


def _each_once(limits: tuple[LimitTerms, ...]) -> tuple[LimitTerms, ...]:
    if len({(limit.kind, limit.window_s) for limit in limits}) != len(limits):
        raise ValueError("one limit of each kind and window")
    return limits


_Budgets = Annotated[
    tuple[BudgetTermsBody, ...],
    Field(max_length=BUDGETS_AT_MOST, description="Budgets of the key alone, beside its user's and its tenant's."),
]
_Limits = Annotated[
    tuple[LimitTerms, ...],
    Field(max_length=LIMITS_AT_MOST, description="Limits of the key alone, beside its user's and its tenant's."),
    AfterValidator(_each_once),
]


class KeysQuery(PageQuery):
    """Which keys: your own; another user's; or all of a tenant."""

    user_id: UserId | None = None
    tenant: TenantId | None = None


class NewKeyBody(KeyFields):
    """A key to be made. What is left out is as its user has it, or as the key has it that you use."""

    model_config = ConfigDict(json_schema_extra={"example": {**_KEY, **_BOUNDS}})

    user_id: UserId | None = Field(default=None, description="Whose it is to be; yours when left out.")
    budgets: _Budgets = ()
    limits: _Limits = ()

    def fields(self) -> KeyFields:
        """Return what is said of the key alone."""
        return KeyFields(**{name: getattr(self, name) for name in KeyFields.model_fields})


class KeyBody(KeyFields):
    """What a key is to be. Its budgets and limits stay: they have routes of their own."""

    model_config = ConfigDict(json_schema_extra={"example": _KEY})

    expected_revision: Revision = None

    def fields(self) -> KeyFields:
        """Return what is said of the key alone."""
        return KeyFields(**{name: getattr(self, name) for name in KeyFields.model_fields})


class RotationBody(Rotation):
    """A rotation. The key keeps its budgets and limits; those in the body are added to them."""

    model_config = ConfigDict(json_schema_extra={"example": _ROTATION})

    budgets: _Budgets = ()
    limits: _Limits = ()


class ApiKeyDocument(KeyView):
    """A key without its secret. `budgets`, `limits`: its own; what its user and tenant have bounds it, too."""

    budgets: tuple[BudgetView, ...]
    limits: tuple[LimitView, ...]


class KeysDocument(Value):
    """Keys by id, without secrets, and without revoked ones. `after`: give it to get the next page."""

    keys: list[ApiKeyDocument]
    after: str | None


class MadeKeyDocument(Value):
    """A new key. `secret` is the whole key; it is shown this once."""

    key: ApiKeyDocument
    secret: str


class RotatedKeyDocument(Value):
    """A rotated key. `repeated`: this rotation had happened already; its secret is not shown again."""

    key: ApiKeyDocument
    secret: str | None
    repeated: bool
