"""Tool calls on the wire."""

from datetime import datetime

from pydantic import BaseModel, Field

from api.documents.texts import Excerpt
from domain.tools import Action, Effect
from services.storage.views.tool_calls import ToolCallState


class ToolCallDocument(BaseModel):
    """One call as the journal has it; arguments and answer are cut to 2,000 characters."""

    id: str
    step_id: str
    round: int
    n: int
    action: Action
    effect: Effect
    arguments: Excerpt = Field(description="JSON, as it was sent.")
    state: ToolCallState
    answer: Excerpt | None
    marks: tuple[str, ...] = Field(description="What was odd about the answer.")
    found: bool = Field(description="The answer was lost; a look-up found that the call had taken effect.")
    error_code: str | None
    error: str | None
    started_at: datetime
    finished_at: datetime | None


class ToolCallsDocument(BaseModel):
    """The tool calls of a request, oldest first, 1,000 at most."""

    request_id: str
    calls: list[ToolCallDocument]
