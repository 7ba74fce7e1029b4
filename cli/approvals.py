"""Approvals in words: what waits, and for a tool call the exact arguments."""

import json
from typing import Any


def waits_for(approval: dict[str, Any]) -> str:
    """Return in a few words what waits for a decision."""
    action = approval.get("action")
    if action is None:
        return "the plan waits for approval"
    called = f"step {approval.get('step_id')} ({action['server']}: {action['name']})"
    reasons = {
        "drift": "waits for approval: its tool has changed",
        "uncertain": "waits: the write may have happened; approve to make it again",
        "sign_in": "waits: the server wants a sign-in; approve when that is done",
    }
    return f"{called} {reasons.get(approval.get('kind', ''), 'waits for approval')}"


def approval_text(approval: dict[str, Any]) -> str:
    """Return an approval with all that it is about."""
    lines = [f"approval {approval['id']}: {waits_for(approval)} until {approval['expires_at']}"]
    if approval.get("reason"):
        lines.append(f"  {approval['reason']}")
    if approval.get("arguments") is not None:
        lines.append(f"  {json.dumps(approval['arguments'], ensure_ascii=False)}")
    for change in approval.get("changes", ()):
        lines.append(f"  {change['field']} was: {change['before']}")
        lines.append(f"  {change['field']} is:  {change['after']}")
    return "\n".join(lines)
