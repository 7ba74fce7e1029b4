"""The evaluate task: a result is good when it says something of what the prompt is about."""

import re
from typing import Any

from domain.documents import EvaluateDocument
from simulators.model_provider.rules.words import keywords, share_subject

_REFUSED = re.compile(
    r"^\W*(?:i'm sorry|i am sorry|sorry, (?:but )?i|i can(?:no|')t (?:help|do|assist)"
    r"|ich kann (?:das|dabei|dir) nicht|je ne peux pas|no puedo|tôi không thể|抱歉|对不起|申し訳)",
    re.IGNORECASE,
)


def evaluate(document: EvaluateDocument) -> dict[str, Any]:
    """Return a `Verdict` on the document's result."""
    result = document.result.strip()
    if not result:
        return _verdict("the result is empty")
    if _REFUSED.search(result):
        return _verdict("the result is a refusal", needs_adjustment=True)
    if keywords(document.prompt) and not share_subject(document.prompt, result):
        return _verdict(f"the result says nothing of: {', '.join(keywords(document.prompt))}")
    return {"success": True, "reason": "the result is about what was asked", "needs_adjustment": False}


def _verdict(reason: str, *, needs_adjustment: bool = False) -> dict[str, Any]:
    return {"success": False, "reason": reason, "needs_adjustment": needs_adjustment}
