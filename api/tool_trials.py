"""S1's test of tools: a request with a plan of one tool call, on the real path from admission to answer."""

from typing import Literal

from api.submitting import Submission
from contracts.calls import Seed
from domain.content import Text
from domain.documents import Understanding
from domain.plan import Plan
from domain.request import Caps, Options
from domain.step import Step, StepKind
from domain.tools import ActionType

Trial = Literal["jira", "confluence"]
SERVER = "atlassian"
"""The tool server that the trials call."""

_CALLS = {
    "jira": ("jira_search", {"jql": 'created >= "2000-01-01" ORDER BY created DESC', "limit": 5}),
    "confluence": ("confluence_search", {"query": "type = page", "limit": 5}),
}
_MESSAGES = {
    "jira": "Test of the tools: the newest issues in Jira.",
    "confluence": "Test of the tools: pages in Confluence.",
}


_OPTIONS = Options(deadline_s=120, approval_timeout_s=1)
"""A trial ends one way or another, and waits for nobody."""


def submission_of(case: Trial) -> Submission:
    """Return the request that tries a tool, once: its failure is the answer.

    Its plan is bound to the tool by its workflow, as any other plan is.
    """
    return Submission(message=_MESSAGES[case], options=_OPTIONS, seed=_seed_of(case), caps=Caps(max_replans=0))


def _seed_of(case: Trial) -> Seed:
    name, parameters = _CALLS[case]
    step = Step(
        id="test",
        kind=StepKind.TOOL,
        prompt=Text.inline(_MESSAGES[case]),
        timeout_s=30,
        max_retries=0,
        mcp_target_server_id=SERVER,
        mcp_action_type=ActionType.TOOL,
        mcp_action_name=name,
        mcp_parameters=dict(parameters),
    )
    understanding = Understanding(
        intent=f"test {case}", required_agents=(SERVER,), detailed_description=_MESSAGES[case], language="en"
    )
    return Seed(plan=Plan(steps=(step,), origin="rule"), understanding=understanding)
