import pytest

from domain.account_checks import LONGEST_PATIENCE_S, Finding, Standing, Verdict, patience_s, verdict

IN_USE = Standing()
PARKED = Standing(parked_s=5)


@pytest.mark.parametrize(
    ("finding", "standing", "expected"),
    [
        (Finding.CREDENTIAL_DEAD, IN_USE, Verdict.PARK),
        (Finding.CREDENTIAL_DEAD, PARKED, Verdict.LEAVE),
        (Finding.NOTHING, IN_USE, Verdict.LEAVE),
        (Finding.NOTHING, PARKED, Verdict.LEAVE),
        (Finding.ANSWERED, IN_USE, Verdict.LEAVE),
        (Finding.ANSWERED, PARKED, Verdict.UNPARK),
        (Finding.ANSWERED, Standing(parked_s=59, returns=1), Verdict.LEAVE),
        (Finding.ANSWERED, Standing(parked_s=60, returns=1), Verdict.UNPARK),
        (Finding.ANSWERED, Standing(parked_s=1, returns=9, renewed=True), Verdict.UNPARK),
    ],
)
def test_a_check_parks_and_unparks(finding: Finding, standing: Standing, expected: Verdict) -> None:
    assert verdict(finding, standing) is expected


def test_who_comes_back_often_waits_longer() -> None:
    assert [patience_s(returns) for returns in (0, 1, 2, 3)] == [0, 60, 120, 240]
    assert patience_s(10) == patience_s(10_000) == LONGEST_PATIENCE_S
