"""Approvals on the wire."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from domain.request import ApprovalKind
from domain.tools import Action, Change, Effect


class ApprovalDocument(BaseModel):
    """An open approval: of a plan version, or of one tool call with exactly these arguments."""

    id: str
    kind: ApprovalKind
    plan_version: int
    expires_at: datetime
    default: Literal["approve", "deny"] = Field(description="What holds when nobody decides in time.")
    step_id: str | None = None
    action: Action | None = Field(default=None, description="What is called.")
    effect: Effect | None = Field(default=None, description="What the call does to the world.")
    arguments: dict[str, Any] | None = Field(default=None, description="The call's arguments, exactly as sent.")
    changes: tuple[Change, ...] = Field(default=(), description="What has changed in the tool since it was planned.")
    reason: str | None = None
