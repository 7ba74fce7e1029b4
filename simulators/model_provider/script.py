"""`POST /__sim/script`: named wrong behaviours by task, as a queue or as a rule.

{"plan": ["cycle", "not_json"],          a queue: the first call, then the second, then right answers
 "evaluate": "contradiction",            a rule: every call
 "step": {"preset": "fail_n", "times": 2, "match": {"step_id": "s2"}}}
"""

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from simulators.model_provider.fault_book import Match, Rule
from simulators.model_provider.faults import Fault
from simulators.model_provider.json_value import Json
from simulators.model_provider.presets import PER_STEP


class Behaviour(BaseModel):
    """A preset and how often: `times` defaults to always (to once for each step for `fail_once` and `fail_n`)."""

    model_config = ConfigDict(extra="forbid")

    preset: str
    times: int | None = Field(default=None, ge=0)
    match: Match = Match()


Script = dict[str, str | Behaviour | list[str | Behaviour]]
_SCRIPT: TypeAdapter[Script] = TypeAdapter(Script)


def read_script(raw: Json) -> list[Rule]:
    """Turn a script into rules.

    Raises:
        ValidationError: It is not of the form above, or names an unknown preset.
    """
    rules: list[Rule] = []
    for task, behaviours in _SCRIPT.validate_python(raw).items():
        if isinstance(behaviours, list):
            rules.extend(_rule(task, behaviour, default_times=1) for behaviour in behaviours)
        else:
            rules.append(_rule(task, behaviours, default_times=None))
    return rules


def _rule(task: str, behaviour: str | Behaviour, default_times: int | None) -> Rule:
    if isinstance(behaviour, str):
        behaviour = Behaviour(preset=behaviour)
    per_step = behaviour.preset in PER_STEP
    if behaviour.times is not None:
        times: int | None = behaviour.times
    else:
        times = 1 if per_step else default_times
    return Rule(
        match=behaviour.match.model_copy(update={"task": task}),
        times=times,
        per_step=per_step,
        fault=Fault(preset=behaviour.preset),
    )
