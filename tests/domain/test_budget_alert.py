from datetime import UTC, datetime, timedelta

import pytest

from domain.budget_alert import AlertState, BudgetAlert, state_of, told
from domain.webhook import KEEP_TRYING

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
ALERT = BudgetAlert(
    id=7,
    budget_id="bud_1",
    tenant="ten_1",
    subject="user:usr_1",
    period="month",
    period_start=datetime(2026, 3, 1, tzinfo=UTC),
    percent=80,
    spent_micros=81,
    limit_micros=100,
    at=AT,
)


@pytest.mark.parametrize(
    ("status", "since", "refused", "state"),
    [
        (204, timedelta(0), False, AlertState.TOLD),
        (503, timedelta(0), False, AlertState.PENDING),
        (None, timedelta(0), False, AlertState.PENDING),
        (503, KEEP_TRYING, False, AlertState.GAVE_UP),
        (410, timedelta(0), False, AlertState.GAVE_UP),
        (None, timedelta(0), True, AlertState.GAVE_UP),
    ],
)
def test_what_a_try_means(status: int | None, since: timedelta, refused: bool, state: AlertState) -> None:
    assert state_of(status, since, refused=refused) is state


def test_what_is_told_stays_the_same_however_often_it_was_tried() -> None:
    tried = ALERT.model_copy(update={"attempts": 3, "status": 503})
    assert told(tried) == told(ALERT)
    assert told(ALERT) == {
        "type": "budget.alert",
        "timestamp": "2026-03-01T12:00:00+00:00",
        "data": {
            "id": 7,
            "budget_id": "bud_1",
            "tenant": "ten_1",
            "subject": "user:usr_1",
            "period": "month",
            "period_start": "2026-03-01T00:00:00Z",
            "percent": 80,
            "spent_micros": 81,
            "limit_micros": 100,
        },
    }
