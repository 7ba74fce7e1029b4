"""Which tool calls run, which ask a person first, and which are forbidden: rules as data, and the one that decides.

A rule that denies always wins. Among the others the most specific one decides: a rule for a user before one for a tool,
a tool's before a server's, a server's before one for an effect; of two alike the newer. Where no rule speaks, reads run
and writes ask. A request may be stricter than the rules; it may be laxer only where no rule speaks.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Literal, NamedTuple

from pydantic import Field

from domain.tools import Effect
from domain.value import Value


class Decision(StrEnum):
    """What becomes of a call."""

    RUN = "run"
    ASK = "ask"
    DENY = "deny"


class Rule(Value):
    """One rule; a field that is None matches everything.

    `number` orders rules by age. `timeout_s` and `default`: how long an approval waits, and what holds when nobody
    decided by then.
    """

    number: int = 0
    server: str | None = Field(default=None, max_length=40)
    tool: str | None = Field(default=None, max_length=1000)
    owner: str | None = Field(default=None, max_length=200)
    effect: Effect | None = None
    decision: Decision
    timeout_s: float | None = Field(default=None, gt=0, le=30 * 86_400)
    default: Literal["approve", "deny"] = "deny"
    reason: str | None = Field(default=None, max_length=1000)


class CallFacts(NamedTuple):
    """What a rule looks at."""

    server: str
    tool: str
    owner: str
    effect: Effect


class Ruling(NamedTuple):
    """What was decided, and the rule that decided; None: the default did."""

    decision: Decision
    rule: Rule | None = None


def rule_on(
    rules: Iterable[Rule], call: CallFacts, choice: Literal["policy", "all", "none"], *, remembered: bool
) -> Ruling:
    """Decide about a call.

    Args:
        rules: All rules.
        call: The call.
        choice: The request's own wish: as the rules say, ask for every call, or ask for none.
        remembered: Whether a person has approved this tool for the rest of the request.
    """
    matching = [rule for rule in rules if _matches(rule, call)]
    denying = [rule for rule in matching if rule.decision is Decision.DENY]
    if denying:
        return Ruling(Decision.DENY, max(denying, key=_weight))
    chosen = max(matching, key=_weight, default=None)
    if remembered:
        return Ruling(Decision.RUN, chosen)
    if choice == "all":
        return Ruling(Decision.ASK, chosen)
    if chosen is not None:
        return Ruling(chosen.decision, chosen)
    runs = call.effect is Effect.READ or choice == "none"
    return Ruling(Decision.RUN if runs else Decision.ASK)


def _matches(rule: Rule, call: CallFacts) -> bool:
    return (
        rule.server in (None, call.server)
        and rule.tool in (None, call.tool)
        and rule.owner in (None, call.owner)
        and rule.effect in (None, call.effect)
    )


def _weight(rule: Rule) -> tuple[bool, bool, bool, bool, int]:
    specific = (rule.owner, rule.tool, rule.server, rule.effect)
    owner, tool, server, effect = (field is not None for field in specific)
    return owner, tool, server, effect, rule.number
