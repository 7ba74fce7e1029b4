"""All workflows, for the worker and the replay tests."""

from workflows.money import CheckLedgerWorkflow, ReconcileLedgerWorkflow, TellAlertWorkflow
from workflows.pool_checks import CheckAccountsWorkflow
from workflows.purging import PurgeWorkflow
from workflows.request import RequestWorkflow
from workflows.step import StepWorkflow
from workflows.tool_servers import FreeGatesWorkflow, RefreshToolsWorkflow, SignInWorkflow

WORKFLOWS = (
    RequestWorkflow,
    StepWorkflow,
    RefreshToolsWorkflow,
    SignInWorkflow,
    FreeGatesWorkflow,
    PurgeWorkflow,
    CheckAccountsWorkflow,
    CheckLedgerWorkflow,
    ReconcileLedgerWorkflow,
    TellAlertWorkflow,
)
