"""The workflow that keeps what is known of the pool's credentials true."""

from temporalio import workflow

from contracts.pool_checks import CHECK_ACCOUNTS, CHECK_WORK, CheckAccounts, CheckedAccounts, PoolChecks


@workflow.defn(name=CHECK_ACCOUNTS)
class CheckAccountsWorkflow:
    """Checks one account, or all."""

    @workflow.run
    async def run(self, request: CheckAccounts) -> CheckedAccounts:
        """Check, and tell what was found."""
        return await workflow.execute_activity_method(
            PoolChecks.check_accounts, request, summary=request.account or "all accounts", **CHECK_WORK
        )
