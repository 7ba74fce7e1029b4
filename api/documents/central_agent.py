"""S1's documents, in its camelCase: ProcessedInput, ActionPlan, ActionStep, StepEvaluation."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from api.parameters import Name

Status = Literal["Pending", "Running", "Succeeded", "Failed"]


class _Camel(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, serialize_by_alias=True)


class ProcessBody(_Camel):
    """A message of a user. `wait`: seconds to wait for the end."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"message": "Say hello in three languages.", "userId": "ada"}}
    )

    message: str
    user_id: Name
    wait: int = Field(default=60, ge=0, le=60)


class TrialBody(_Camel):
    """Which tools to try. `wait`: seconds to wait for the end."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"testCase": "jira"}})

    test_case: Literal["jira", "confluence"] = "jira"
    wait: int = Field(default=60, ge=0, le=60)


class CamelProcessedInput(_Camel):
    """What was understood."""

    intent: str
    entities: list[dict[str, str]]
    required_agents: list[str]
    detailed_description: str


class StepEvaluation(_Camel):
    """Whether the step's result is good enough."""

    success: bool
    reason: str
    needs_adjustment: bool


class ActionStep(_Camel):
    """A step. `agentType` is the step's kind; `timeout` is in milliseconds; `result` is cut to 20,000 characters."""

    id: str
    agent_type: str
    prompt: str
    status: Status
    depends_on: list[str]
    condition: str | None
    result: str | None
    evaluation: StepEvaluation | None
    max_retries: int
    timeout: int
    mcp_target_server_id: str | None = None
    mcp_action_type: str | None = None
    mcp_action_name: str | None = None
    mcp_parameters: dict[str, Any] | None = None


class ActionPlan(_Camel):
    """A plan; its id is the request's. `currentStepIndex`: the first step that has not ended."""

    id: str
    user_id: str | None
    status: Status
    steps: list[ActionStep]
    current_step_index: int
    execution_context: dict[str, Any]


class ProcessAnswer(_Camel):
    """The end of a message. `result`: the answer, or a sentence on why there is none."""

    processed_input: CamelProcessedInput | None
    action_plan: ActionPlan | None
    result: str | None
