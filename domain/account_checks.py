"""What a free call with an account's credential says about it: whether to park it, or to use it again."""

from enum import StrEnum

from domain.value import Value

FIRST_PATIENCE_S = 60.0
LONGEST_PATIENCE_S = 3600.0


class Finding(StrEnum):
    """What came of the call."""

    ANSWERED = "answered"
    CREDENTIAL_DEAD = "credential_dead"
    NOTHING = "nothing"
    """No answer, or one that says nothing about the credential."""


class Verdict(StrEnum):
    """What to do."""

    PARK = "park"
    UNPARK = "unpark"
    LEAVE = "leave"


class Standing(Value):
    """How an account stands.

    Attributes:
        parked_s: Since how many seconds it is parked; None: it is not.
        renewed: Its credential was set anew since then.
        returns: How often checks have taken it back within a day.
    """

    parked_s: float | None = None
    renewed: bool = False
    returns: int = 0


def verdict(finding: Finding, standing: Standing) -> Verdict:
    """Judge an account.

    A free call may succeed where paid ones fail, as without funds. So an account that was taken back and parked anew
    waits longer from time to time: a minute, two, four, up to an hour; with a new credential it does not wait.
    """
    if finding is Finding.CREDENTIAL_DEAD and standing.parked_s is None:
        return Verdict.PARK
    if finding is not Finding.ANSWERED or standing.parked_s is None:
        return Verdict.LEAVE
    if standing.renewed or standing.parked_s >= patience_s(standing.returns):
        return Verdict.UNPARK
    return Verdict.LEAVE


def patience_s(returns: int) -> float:
    """Return for how long an account stays parked at least that was taken back so often before."""
    if returns == 0:
        return 0.0
    return min(FIRST_PATIENCE_S * (1 << min(returns - 1, 10)), LONGEST_PATIENCE_S)
