"""The scripted profile: a model that is wrong at first, in ways a careful caller recovers from.

Stateless, so that any number of requests may run at once: the first draft of a plan is wrong and the repaired one is
right; a step's first answer is often empty, refused for some, and right once there is feedback or a new plan; every
verdict contradicts itself. Understanding and synthesis are right, and so is every answer to anybody else.
"""

from zlib import crc32

from domain.documents import EvaluateDocument, PlanDocument, StepDocument
from simulators.model_provider.chat import ChatCall
from simulators.model_provider.faults import Fault
from simulators.model_provider.rules.replan import is_replacement

_DRAFTS = ("cycle", "unknown_kind", "self_dependency", "duplicate_ids", "empty_plan", "not_json", "absurd_timeout")


def scripted_fault(call: ChatCall) -> Fault | None:
    """Return what goes wrong with this call, None for nothing."""
    document = call.document
    if isinstance(document, PlanDocument):
        return _of_plan(document)
    if isinstance(document, StepDocument):
        return _of_step(document)
    if isinstance(document, EvaluateDocument):
        return Fault(preset="contradiction")
    return None


def _of_plan(document: PlanDocument) -> Fault | None:
    if document.problems or document.steps:
        return None
    return Fault(preset=_DRAFTS[_spread(document.message) % len(_DRAFTS)])


def _of_step(document: StepDocument) -> Fault | None:
    if document.feedback or is_replacement(document.step_id):
        return None
    choice = _spread(document.step_id + document.prompt) % 4
    if choice == 0:
        return Fault(preset="refuse")
    return Fault(preset="empty") if choice == 1 else None


def _spread(text: str) -> int:
    return crc32(text.encode("utf-8", "surrogatepass"))
