"""Activity ports: what workflows may ask the outside world for.

`activities/` implements each, `worker.py` registers them. Port and implementation both carry `@activity.defn` with the
same name; a test compares names and signatures.
"""

from abc import ABC, abstractmethod

from temporalio import activity

from contracts.calls import (
    CheckConditionInput,
    Evaluated,
    EvaluateInput,
    Executed,
    ExecuteInput,
    MadePlan,
    MakePlanInput,
    Prepared,
    PrepareInput,
    RecordInput,
    Synthesized,
    SynthesizeInput,
)
from contracts.tools import (
    BindInput,
    Bound,
    CallToolInput,
    FreeGates,
    OpenGates,
    PrepareCallInput,
    PreparedCall,
    RefreshedServer,
    RefreshTools,
    ServersToRefresh,
    SignIn,
)


class Planning(ABC):
    """Understanding requests and drafting plans."""

    @abstractmethod
    @activity.defn(name="prepare")
    async def prepare(self, request: PrepareInput) -> Prepared:
        """Understand the message in its context; when it is clear and not simple, draft a plan too."""

    @abstractmethod
    @activity.defn(name="make_plan")
    async def make_plan(self, request: MakePlanInput) -> MadePlan:
        """Draft a plan, a repair of a refused draft, or a replan after a failure."""


class Execution(ABC):
    """Running steps."""

    @abstractmethod
    @activity.defn(name="execute_step")
    async def execute_step(self, request: ExecuteInput) -> Executed:
        """Run one round of a generate step and judge it by rule; heartbeat each second, stream its text as events."""


class Evaluating(ABC):
    """Judging results where it takes judgement."""

    @abstractmethod
    @activity.defn(name="evaluate_step")
    async def evaluate_step(self, request: EvaluateInput) -> Evaluated:
        """Ask a model for a verdict."""


class Answering(ABC):
    """Writing the final answer."""

    @abstractmethod
    @activity.defn(name="synthesize")
    async def synthesize(self, request: SynthesizeInput) -> Synthesized:
        """Merge the steps' ends into one answer in the user's language; by rule when the model gives none."""


class Recording(ABC):
    """Short database work, fit for local activities."""

    @abstractmethod
    @activity.defn(name="record")
    async def record(self, request: RecordInput) -> None:
        """Append events and update the read models."""

    @abstractmethod
    @activity.defn(name="check_condition")
    async def check_condition(self, request: CheckConditionInput) -> bool:
        """Load the results and evaluate the condition; a condition that cannot be evaluated is false."""


class Tooling(ABC):
    """Tool steps. `bind_tools` and `prepare_call` are short database work, fit for local activities."""

    @abstractmethod
    @activity.defn(name="bind_tools")
    async def bind_tools(self, request: BindInput) -> Bound:
        """Give the steps of kind tool their pins, and check their parameters as far as they are known."""

    @abstractmethod
    @activity.defn(name="prepare_call")
    async def prepare_call(self, request: PrepareCallInput) -> PreparedCall:
        """Resolve a step's parameters, check them, compare the contract with the pin, and ask the policy."""

    @abstractmethod
    @activity.defn(name="call_tool")
    async def call_tool(self, request: CallToolInput) -> Executed:
        """Make the call once at most; heartbeat each second, tell progress as events, journal the answer."""


class ToolServers(ABC):
    """Keeping the registry of tool servers true."""

    @abstractmethod
    @activity.defn(name="servers_to_refresh")
    async def servers_to_refresh(self, request: RefreshTools) -> ServersToRefresh:
        """Return the ids of the servers that a refresh reads."""

    @abstractmethod
    @activity.defn(name="refresh_server")
    async def refresh_server(self, request: RefreshTools) -> RefreshedServer:
        """Read what one server offers and record what has changed; an unreachable server is an answer, not an error."""

    @abstractmethod
    @activity.defn(name="sign_in")
    async def sign_in(self, request: SignIn) -> None:
        """Take a person through a server's OAuth flow, and keep the tokens."""

    @abstractmethod
    @activity.defn(name="open_gates")
    async def open_gates(self, request: FreeGates) -> OpenGates:
        """Return a page of requests that wait for the approval of a tool call."""
