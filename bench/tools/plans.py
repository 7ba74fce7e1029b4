"""A whole request whose plan is one step: that calls the tool, or that asks the simulated model."""

from dataclasses import dataclass
from typing import Any, Final

import httpx
from temporalio.client import Client

from bench.tools.bare import CallFailedError
from bench.tools.ours import OWNER, STEP, Requests
from bench.tools.way import TEXT, Way, timed
from contracts.calls import RequestFacts
from contracts.names import REQUEST_WORKFLOW, RequestInput
from contracts.policies import WORKFLOW_TASK_TIMEOUT
from domain.content import Text
from domain.placement import Placement
from domain.request import Options, Outcome, Phase

TOOL_REQUEST: Final = "request with one tool step, a child as `auto` has it"
INLINE_REQUEST: Final = "request with one tool step, inline"
GENERATE_REQUEST: Final = "request with one generate step, inline"

_MESSAGE: Final = "Write a haiku about rain. Then write a limerick about snow."
"""Two wishes, so that it is planned; the plan is scripted, by the name of the model that is asked for."""


@dataclass(frozen=True)
class Plans:
    """Runs requests. `model_url`: the simulated model's, whose planner is told what to plan."""

    client: Client
    task_queue: str
    accepted: Requests
    model_url: str

    async def ways(self, server_id: str) -> list[Way]:
        """Script the plans, and return how they are run."""
        call = {
            "kind": "tool",
            "prompt": "call echo",
            "mcp_target_server_id": server_id,
            "mcp_action_type": "tool",
            "mcp_action_name": "echo",
            "mcp_parameters": {"text": TEXT},
        }
        await self._script("bench-tool", {"id": STEP, **call})
        await self._script("bench-generate", {"id": STEP, "kind": "generate", "prompt": TEXT})
        return [
            self._way(TOOL_REQUEST, "bench-tool", Placement.AUTO),
            self._way(INLINE_REQUEST, "bench-tool", Placement.INLINE),
            self._way(GENERATE_REQUEST, "bench-generate", Placement.INLINE),
        ]

    def _way(self, name: str, model: str, placement: Placement) -> Way:
        async def once() -> None:
            facts = RequestFacts(
                request_id=self.accepted.take(),
                owner=OWNER,
                message=Text.inline(_MESSAGE),
                options=Options(model=model),
            )
            outcome = await self.client.execute_workflow(
                REQUEST_WORKFLOW,
                RequestInput(facts=facts, accepted=True, placement=placement),
                id=facts.request_id,
                task_queue=self.task_queue,
                task_timeout=WORKFLOW_TASK_TIMEOUT,
                result_type=Outcome,
            )
            if outcome.phase is not Phase.DONE or outcome.partial:
                raise CallFailedError(f"{name}: {outcome}")

        return Way(name, "http", timed(once), kind="request", prepare=self.accepted.prepare)

    async def _script(self, model: str, step: dict[str, Any]) -> None:
        rule = {"match": {"model": model, "task": "plan"}, "fault": {"answer_json": {"steps": [step]}}, "times": None}
        async with httpx.AsyncClient(trust_env=False, timeout=10) as http:
            answer = await http.post(self.model_url.removesuffix("v1/") + "__sim/faults", json=[rule])
            answer.raise_for_status()
