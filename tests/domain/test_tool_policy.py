"""Which tool calls run, ask or are forbidden."""

from typing import Any, Literal

import pytest

from domain.tool_policy import CallFacts, Decision, Rule, Ruling, rule_on
from domain.tools import Effect

RUN, ASK, DENY = Decision.RUN, Decision.ASK, Decision.DENY
WRITE = CallFacts(server="jira", tool="create", owner="ada", effect=Effect.WRITE)
READ = WRITE._replace(tool="get", effect=Effect.READ)


def rule(decision: Decision, **fields: Any) -> Rule:
    return Rule(decision=decision, **fields)


def decide(
    *rules: Rule,
    call: CallFacts = WRITE,
    choice: Literal["policy", "all", "none"] = "policy",
    remembered: bool = False,
) -> Ruling:
    return rule_on(rules, call, choice, remembered=remembered)


@pytest.mark.parametrize(("effect", "decision"), [(Effect.READ, RUN), (Effect.WRITE, ASK), (Effect.DESTRUCTIVE, ASK)])
def test_without_rules_reads_run_and_writes_ask(effect: Effect, decision: Decision) -> None:
    assert decide(call=WRITE._replace(effect=effect)) == Ruling(decision)


@pytest.mark.parametrize("fields", [{"server": "x"}, {"tool": "x"}, {"owner": "x"}, {"effect": Effect.DESTRUCTIVE}])
def test_a_rule_for_another_call_is_silent(fields: dict[str, Any]) -> None:
    assert decide(rule(RUN, **fields)) == Ruling(ASK)


@pytest.mark.parametrize(
    ("strong", "weak"),
    [
        ({"owner": "ada"}, {"tool": "create", "server": "jira", "effect": Effect.WRITE, "number": 9}),
        ({"tool": "create"}, {"server": "jira", "effect": Effect.WRITE, "number": 9}),
        ({"server": "jira"}, {"effect": Effect.WRITE, "number": 9}),
        ({"effect": Effect.WRITE}, {"number": 9}),
        ({"number": 2}, {"number": 1}),
        ({"owner": "ada", "tool": "create"}, {"owner": "ada", "server": "jira"}),
    ],
)
def test_the_more_specific_rule_decides_and_of_two_alike_the_newer(
    strong: dict[str, Any], weak: dict[str, Any]
) -> None:
    winner = rule(RUN, **strong)
    assert decide(winner, rule(ASK, **weak)) == Ruling(RUN, winner)
    assert decide(rule(ASK, **weak), winner) == Ruling(RUN, winner)


def test_denial_wins_over_everything() -> None:
    general, special = rule(DENY), rule(DENY, server="jira")
    allowed = rule(RUN, owner="ada", tool="create", server="jira")
    assert decide(general, allowed, choice="none", remembered=True) == Ruling(DENY, general)
    assert decide(general, special, allowed) == Ruling(DENY, special)


def test_what_a_person_remembered_runs_though_a_rule_or_the_request_asks() -> None:
    asks = rule(ASK)
    assert decide(asks, choice="all", remembered=True) == Ruling(RUN, asks)
    assert decide(remembered=True) == Ruling(RUN)


def test_a_request_may_be_stricter_than_the_rules() -> None:
    runs = rule(RUN)
    assert decide(runs, choice="all") == Ruling(ASK, runs)
    assert decide(call=READ, choice="all") == Ruling(ASK)


def test_a_request_may_be_laxer_only_where_no_rule_speaks() -> None:
    asks = rule(ASK, server="jira")
    assert decide(choice="none") == Ruling(RUN)
    assert decide(asks, choice="none") == Ruling(ASK, asks)
