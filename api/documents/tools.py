"""Tool servers, what they offer, and the rules of the approval policy, on the wire."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from api.parameters import Name
from contracts.tools import RefreshedServer
from domain.tool_policy import Rule
from domain.tool_server import Reach, ServerOptions
from domain.tools import Effect
from domain.value import Value
from services.tools.admin import Approval, ChangeView, ServerView, ToolKey, ToolView

_SERVER: JsonDict = {
    "id": "atlassian",
    "reach": {"transport": "stdio", "command": "mcp-atlassian", "env": {"JIRA_URL": "https://jira.example.org"}},
    "options": {"trusted": True, "preset": "atlassian"},
}
_RULE: JsonDict = {"server": "atlassian", "tool": "jira_add_comment", "decision": "run", "reason": "comments are fine"}

ServerId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
Hash = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]


class NewServerBody(Value):
    """A tool server to be added. Values of `env` and `headers`, tokens and client secrets are kept encrypted."""

    model_config = ConfigDict(json_schema_extra={"example": _SERVER})

    id: ServerId
    reach: Reach
    options: ServerOptions = ServerOptions()
    disabled: bool = False


class ServerBody(Value):
    """A server's configuration; "•••" in a secret's place keeps the stored one.

    `expected_revision`: the revision that this replaces; another one is a 409.
    """

    reach: Reach
    options: ServerOptions = ServerOptions()
    expected_revision: int | None = Field(default=None, ge=1, lt=10**9)


class ServersDocument(BaseModel):
    """All servers, by id."""

    servers: list[ServerView]


class RefreshDocument(BaseModel):
    """A refresh. `finished` False: it goes on, and the server's `state` tells its end."""

    finished: bool
    result: RefreshedServer | None = None


class SignInDocument(BaseModel):
    """A sign-in that waits for a person. Without `url` the server has not told it yet: ask again."""

    server: str
    state: str | None = Field(description="Names the sign-in, once there is a page to open.")
    url: str | None = Field(description="The page that the person has to open.")


class ChangesQuery(BaseModel):
    """Which changes."""

    model_config = ConfigDict(extra="forbid")

    before: int | None = Field(default=None, ge=1, le=2**63 - 1, description="`before` of the page before.")
    limit: int = Field(default=50, ge=1, le=100)


class ChangesDocument(BaseModel):
    """What has changed at a server, newest first. `before`: give it to get the next page; null on the last."""

    changes: list[ChangeView]
    before: int | None


class ToolsQuery(BaseModel):
    """What to list of the registry."""

    model_config = ConfigDict(extra="forbid")

    server: ServerId | None = None
    query: Name | None = Field(default=None, description="Words of a name, title or description.")
    approval: Approval | None = None
    cursor: str | None = Field(default=None, max_length=4000, description="From the page before.")
    limit: int = Field(default=50, ge=1, le=100)


class ToolsDocument(BaseModel):
    """What the servers offer, by server, kind and name. `cursor`: give it to get the next page; null on the last."""

    tools: list[ToolView]
    cursor: str | None


class ApproveToolBody(ToolKey):
    """Approve a capability as it is. `hash`: the contract that was looked at; another one by now is a 409."""

    hash: Hash


class EffectBody(ToolKey):
    """Say what a capability does to the world; null: go by its server's trust and its own hints again."""

    effect: Effect | None


class NewRuleBody(Value):
    """A rule to be added; a field that is absent matches everything. Denying always wins, then the most specific."""

    model_config = ConfigDict(json_schema_extra={"example": _RULE})

    server: str | None = Field(default=None, max_length=40)
    tool: str | None = Field(default=None, max_length=1000)
    owner: str | None = Field(default=None, max_length=200)
    effect: Effect | None = None
    decision: Literal["run", "ask", "deny"]
    timeout_s: float | None = Field(default=None, gt=0, le=30 * 86_400, description="How long an approval waits.")
    default: Literal["approve", "deny"] = Field(default="deny", description="What holds when nobody decided by then.")
    reason: str | None = Field(default=None, max_length=1000)


class RulesDocument(BaseModel):
    """All rules, the oldest first."""

    rules: list[Rule]


class RuleChangedDocument(BaseModel):
    """A change of the rules. `gates_told` False: Temporal did not answer, and open approvals stay as they are."""

    rule: Rule | None = Field(description="The new rule; null when one was removed.")
    gates_told: bool
