"""The approval policy: which tool calls run, which ask a person first, which are forbidden."""

from typing import Annotated

from fastapi import APIRouter, Path

from api import tool_workflows
from api.acting import ByOf
from api.bodies import StrictRoute
from api.documents.tools import NewRuleBody, RuleChangedDocument, RulesDocument
from api.parts import PartsOf, ToolsOf
from api.problems import errors
from domain.tool_policy import Rule

router = APIRouter(prefix="/v1/tool-rules", tags=["tools"], route_class=StrictRoute)


@router.get("", responses=errors(403, 503))
async def list_tool_rules(tools: ToolsOf) -> RulesDocument:
    """List the rules. Where none speaks, reads run and writes ask."""
    return RulesDocument(rules=list(await tools.rules()))


@router.post("", status_code=201, responses=errors(400, 403, 413, 415, 422, 503))
async def add_tool_rule(body: NewRuleBody, parts: PartsOf, tools: ToolsOf, by: ByOf) -> RuleChangedDocument:
    """Add a rule. Approvals that it makes needless are freed."""
    rule = await tools.add_rule(by, Rule.model_validate(body.model_dump()))
    return RuleChangedDocument(rule=rule, gates_told=await tool_workflows.tell_gates(parts))


@router.delete("/{number}", responses=errors(403, 404, 422, 503))
async def remove_tool_rule(
    number: Annotated[int, Path(ge=1, le=2**63 - 1)], parts: PartsOf, tools: ToolsOf, by: ByOf
) -> RuleChangedDocument:
    """Remove a rule. Approvals that it asked for are freed, unless another rule or the default asks too."""
    await tools.delete_rule(by, number)
    return RuleChangedDocument(rule=None, gates_told=await tool_workflows.tell_gates(parts))
