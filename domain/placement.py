"""Where a step runs: inline in its request's workflow, or as a child workflow of its own."""

from enum import StrEnum

from domain.step import Step, StepKind

LONG_STEP_S = 300.0
"""A step that may take longer than this deserves a history of its own."""


class Placement(StrEnum):
    """The deployment's policy."""

    AUTO = "auto"
    """Long and tool steps are children, the others inline: a child costs about three times an activity."""
    CHILD = "child"
    INLINE = "inline"


def runs_as_child(step: Step, policy: Placement) -> bool:
    """Return whether the step runner runs a step as a child workflow. Waits for people never do."""
    if step.kind is StepKind.HUMAN or policy is Placement.INLINE:
        return False
    if policy is Placement.CHILD:
        return True
    return step.kind in (StepKind.TOOL, StepKind.RETRIEVE) or step.timeout_s > LONG_STEP_S
