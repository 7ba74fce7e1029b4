"""Steps as they stand: the plan's step and what is known of its runs."""

from datetime import datetime

from sqlalchemy import RowMapping, select

from domain.content import Text
from domain.evaluation import Evaluation
from domain.step import Step, StepStatus
from domain.value import Value
from services.storage.database import Tx
from services.storage.tables import StepRun, table

_RUN = table(StepRun)


class StepView(Value):
    """A step of a plan and its state. `round` 0: no round yet; `child`: its workflow's id when it has one."""

    step: Step
    status: StepStatus = StepStatus.PENDING
    round: int = 0
    child: str | None = None
    result: Text | None = None
    evaluation: Evaluation | None = None
    note: str | None = None
    feedback: str | None = None
    cost_micros: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None


async def states(tx: Tx, request_id: str, steps: tuple[Step, ...]) -> tuple[StepView, ...]:
    """Return the state of each step, in the order given. The caller has checked the owner."""
    query = select(_RUN).where(_RUN.c.request_id == request_id)
    runs = {row["step_id"]: row for row in (await tx.connection.execute(query)).mappings()}
    return tuple(_view(step, runs.get(step.id)) for step in steps)


def _view(step: Step, run: RowMapping | None) -> StepView:
    if run is None:
        return StepView(step=step)
    known = {key: value for key, value in run.items() if key in StepView.model_fields}
    return StepView.model_validate({"step": step, **known})
