import pytest

from domain.step import StepStatus

ENDS = {"succeeded", "accepted", "failed", "skipped", "cancelled"}


@pytest.mark.parametrize("status", list(StepStatus))
def test_status_is_pending_active_or_an_end(status: StepStatus) -> None:
    assert status.is_end is (status.value in ENDS)
    assert [status is StepStatus.PENDING, status.is_active, status.is_end].count(True) == 1
    assert status.has_result is (status.value in {"succeeded", "accepted"})
