"""Budgets and their alerts on the wire. Amounts are integer micro-units."""

from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from api.documents.limits import Subject
from api.parameters import Name
from domain.budget_alert import BudgetAlert
from domain.ledger import MOST_MICROS
from domain.webhook import URL_LIMIT
from services.ledger.alerts import NEWEST
from services.ledger.budgets import BudgetView, Period, Terms

_NEW: JsonDict = {
    "subject": "user:usr_01932f6e8a7b7c3d9e0f1a2b3c4d5e6f",
    "period": "month",
    "limit_micros": 20_000_000,
    "soft_percents": [80, 100],
}
_CHANGE: JsonDict = {"limit_micros": 30_000_000}
_MOST_LINES: Final = 10


def _each_once(percents: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(percents)) != len(percents):
        raise ValueError("each share once")
    return percents


_Limit = Annotated[int, Field(ge=0, le=MOST_MICROS, strict=True)]
_Percents = Annotated[
    tuple[Annotated[int, Field(ge=1, le=100, strict=True)], ...],
    Field(max_length=_MOST_LINES, description="Shares of the limit, in percent, at which there is an alert."),
    AfterValidator(_each_once),
]
_Webhook = Annotated[str, Field(min_length=1, max_length=URL_LIMIT, description="Where alerts are told, signed.")]


class BudgetTermsBody(BaseModel):
    """A budget without its subject. `hard`: work beyond it is refused; else it only alerts. Days are those of UTC."""

    model_config = ConfigDict(extra="forbid")

    period: Period
    limit_micros: _Limit
    soft_percents: _Percents = ()
    hard: bool = True
    webhook: _Webhook | None = None

    def terms(self) -> Terms:
        """Return what may be changed of it later."""
        return Terms(self.limit_micros, self.soft_percents, self.hard, self.webhook)


class NewBudgetBody(BudgetTermsBody):
    """A budget. `hard`: work beyond it is refused; else it only alerts. Days and months are those of UTC."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": _NEW})

    subject: Subject


class BudgetChangeBody(BaseModel):
    """What to change of a budget; what is left out stays, `webhook` null takes it away."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": _CHANGE})

    limit_micros: _Limit | None = None
    soft_percents: _Percents | None = None
    hard: bool | None = None
    webhook: _Webhook | None = None

    def terms(self, now: BudgetView) -> Terms:
        """Return a budget's terms with these changes."""
        return Terms(
            limit_micros=now.limit_micros if self.limit_micros is None else self.limit_micros,
            soft_percents=now.soft_percents if self.soft_percents is None else self.soft_percents,
            hard=now.hard if self.hard is None else self.hard,
            webhook=self.webhook if "webhook" in self.model_fields_set else now.webhook,
        )


class BudgetsQuery(BaseModel):
    """Which budgets."""

    model_config = ConfigDict(extra="forbid")

    tenant: Name | None = Field(default=None, description="Whose; yours when left out.")
    subject: Subject | None = None
    after: str | None = Field(default=None, pattern=r"^bud_[0-9a-f]{32}$", description="`after` of the page before.")
    limit: int = Field(default=100, ge=1, le=500)


class BudgetsDocument(BaseModel):
    """Budgets, the oldest first. `after`: give it to get the next page; null on the last."""

    budgets: list[BudgetView]
    after: str | None


class AlertsQuery(BaseModel):
    """Which alerts."""

    model_config = ConfigDict(extra="forbid")

    tenant: Name | None = Field(default=None, description="Whose; yours when left out.")
    budget: str | None = Field(default=None, pattern=r"^bud_[0-9a-f]{1,32}$")
    before: int | None = Field(default=None, ge=1, le=NEWEST, description="`before` of the page before.")
    limit: int = Field(default=100, ge=1, le=500)


class AlertsDocument(BaseModel):
    """Soft limits that were reached, newest first. `before`: give it to get the next page; null on the last."""

    alerts: list[BudgetAlert]
    before: int | None
