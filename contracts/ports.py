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
