"""Checks of the pool's credentials: the workflow that a schedule or an admin starts, and the port of its activity."""

from abc import ABC, abstractmethod
from datetime import timedelta

from temporalio import activity
from temporalio.common import RetryPolicy
from temporalio.workflow import ActivityCancellationType

from contracts.policies import HEARTBEAT_TIMEOUT, NON_RETRYABLE, ActivityOptions
from domain.value import Value

CHECK_ACCOUNTS = "CheckAccountsWorkflow"
"""Takes `CheckAccounts`, gives `CheckedAccounts`. The schedule's has the id `pool/check`; one account's,
`pool/check/<account>/<revision>`: a changed account is checked anew, whatever check is under way."""

CHECKS_S = 240.0
"""For how long one activity begins checks; those that are left are the first of the next."""

CHECK_WORK = ActivityOptions(
    start_to_close_timeout=timedelta(seconds=CHECKS_S + 60),
    schedule_to_close_timeout=timedelta(minutes=10),
    heartbeat_timeout=HEARTBEAT_TIMEOUT,
    retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=10), non_retryable_error_types=NON_RETRYABLE),
    cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
)
"""Options of the activity: a check is a free call, so it may be made again."""


class CheckAccounts(Value):
    """`account` None: all that are not disabled, the longest unchecked first."""

    account: str | None = None


class CheckedAccount(Value):
    """What a check of one account found.

    Attributes:
        ok: Whether the provider took the credential and listed its models.
        models: How many it listed.
        error: What was wrong; no credential and no text of the provider's.
        parked: Whether the account is out of use now.
    """

    account: str
    ok: bool
    models: int = 0
    error: str | None = None
    parked: bool = False


class CheckedAccounts(Value):
    """What checks found, as counts. `parked`, `unparked`: accounts that were put out of use or into it, the first 100.

    `one`: the account that was asked for.
    """

    checked: int = 0
    failed: int = 0
    parked: tuple[str, ...] = ()
    unparked: tuple[str, ...] = ()
    one: CheckedAccount | None = None


class PoolChecks(ABC):
    """Free calls with the pool's credentials."""

    @abstractmethod
    @activity.defn(name="check_accounts")
    async def check_accounts(self, request: CheckAccounts) -> CheckedAccounts:
        """Check accounts, park those whose credential is dead, and take back those that are answered again."""
