"""What the activities of tool steps and tool servers take and give, and the workflows that keep servers up to date."""

from typing import Literal

from pydantic import Field

from contracts.calls import RequestFacts, Work
from domain.content import Text
from domain.errors import Problem
from domain.request import ApprovalKind
from domain.step import Step
from domain.tools import Change, ReadyCall
from domain.value import Value

REFRESH_TOOLS = "RefreshToolsWorkflow"
"""Takes `RefreshTools`, gives `RefreshedTools`. Its id is `tools/refresh/<server>`; the schedule's, `tools/refresh`."""

SIGN_IN = "SignInWorkflow"
"""Takes `SignIn`, gives nothing: it ends when somebody has signed in. Its id is `tools/sign-in/<server>/<number>`."""

FREE_GATES = "FreeGatesWorkflow"
"""Takes `FreeGates`: tells every request with an open approval of a tool call that the rules have changed."""

RULES_CHANGED = "rules_changed"
"""The signal, without payload, that makes a request judge its open approvals of tool calls again."""


class BindInput(Value):
    """Look up the tools of steps that have no pin yet, and check their parameters against the schemas."""

    facts: RequestFacts
    steps: tuple[Step, ...]


class Bound(Value):
    """The steps with their pins, in order; or why not, with JSON pointers such as `/steps/2/mcp_parameters/jql`."""

    steps: tuple[Step, ...] = ()
    problems: tuple[Problem, ...] = ()


class PrepareCallInput(Value):
    """Make a tool step's call ready: resolve its references, check the arguments, the contract and the policy.

    `remembered`: a person has approved this tool for the rest of the request.
    """

    facts: RequestFacts
    step: Step
    inputs: dict[str, Text] = {}
    launch: int
    remembered: bool = False


class Gate(Value):
    """Why a call waits for a person. `timeout_s` None: as long as the request says; then `default` holds."""

    kind: ApprovalKind
    reason: str | None = None
    changes: tuple[Change, ...] = ()
    timeout_s: float | None = None
    default: Literal["approve", "deny"] = "deny"


class PreparedCall(Value):
    """`call` None: it cannot be made; `problems` say why, and the plan must change (`replan`) or the step fails.

    `gate`: a person must approve this very call first. A changed contract is a gate too, and the call has the new one.
    """

    call: ReadyCall | None = None
    gate: Gate | None = None
    problems: tuple[Problem, ...] = ()
    replan: bool = False


class CallToolInput(Work):
    """One round of a tool step.

    `last_round`: what fails now calls for another plan. `again`: a person has looked, a write that may have happened is
    to be made again.
    """

    step: Step
    call: ReadyCall
    launch: int
    last_round: bool = True
    again: bool = False


class RefreshTools(Value):
    """`server` None: all that are not disabled. `reason`: schedule, event, hand or error."""

    server: str | None = None
    reason: Literal["schedule", "event", "hand", "error"] = "hand"


class ServersToRefresh(Value):
    """The ids of the servers that a refresh reads."""

    servers: tuple[str, ...] = ()


class RefreshedServer(Value):
    """What a refresh found: counts of what is new, changed and gone; `error` when the server could not be read."""

    server: str
    added: int = 0
    changed: int = 0
    removed: int = 0
    total: int = 0
    error: str | None = None


class RefreshedTools(Value):
    """One entry a server."""

    servers: tuple[RefreshedServer, ...] = ()


class SignIn(Value):
    """Sign in at a server for an owner. `state` names the sign-in in links and tables."""

    server: str
    owner: str
    state: str = Field(max_length=200)


class FreeGates(Value):
    """`after`: the request id that the last page ended with."""

    after: str | None = None


class OpenGates(Value):
    """A page of requests that have an approval of a tool call open; `after` starts the next page, None: no more."""

    request_ids: tuple[str, ...] = ()
    after: str | None = None
