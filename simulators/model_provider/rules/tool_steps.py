"""Parts of a message that an offered tool does become steps of kind tool.

A tool that takes a text which the message does not give gets a step before it that writes one: a summary of what was
read before, or what the part asks for. A user may also name a tool, `[tool=server/name; parameters={...}]`.
"""

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from domain.documents import PlanDocument, ToolOffer
from domain.step import StepKind
from simulators.model_provider.json_value import Json, JsonObject, as_object
from simulators.model_provider.rules.arguments import Filled, fill
from simulators.model_provider.rules.choosing import choose
from simulators.model_provider.rules.connectives import REFERS_BACK
from simulators.model_provider.rules.facts import Facts
from simulators.model_provider.rules.intents import intent_of
from simulators.model_provider.rules.links import Part
from simulators.model_provider.rules.phrases import say

NAMED = "tool"
OPTIONS = frozenset({NAMED, "type", "parameters"})
"""What a user may write in brackets about a tool."""

_SUMMARY = re.compile(
    r"\bsummar|\boverview|\breport\b|zusammenfass|überblick|bericht|résum|\bresum|tóm tắt|总结|摘要|概括|要約",
    re.IGNORECASE,
)

Draft = list[dict[str, Any]]


@dataclass(slots=True)
class Drawn:
    """The plan so far: its steps, and for each part the step that has its result. `reads`: what tools have read."""

    parts: list[Part] = field(default_factory=list[Part])
    ends: list[str] = field(default_factory=list[str])
    steps: Draft = field(default_factory=list[dict[str, Any]])
    reads: list[int] = field(default_factory=list[int])

    def next_id(self, ahead: int = 0) -> str:
        """Return the id of a step to come."""
        return f"s{len(self.steps) + 1 + ahead}"

    def add(self, part: Part, steps: Draft, *, reads: bool) -> None:
        """Take a part's steps into the plan."""
        if reads:
            self.reads.append(len(self.parts))
        self.parts.append(part)
        self.steps.extend(steps)
        self.ends.append(str(steps[-1]["id"]))

    def kind_of(self, number: int) -> str:
        """Return the kind of the step that has a part's result."""
        return next(str(step["kind"]) for step in self.steps if step["id"] == self.ends[number])


@dataclass(frozen=True, slots=True)
class Bench:
    """What there is to plan with. `refused`: parts whose tool step did not pass."""

    document: PlanDocument
    offers: Sequence[ToolOffer]
    refused: Collection[str] = ()

    @property
    def has_tools(self) -> bool:
        """Whether steps may be of kind tool."""
        return StepKind.TOOL in self.document.kinds

    def steps(self, part: Part, drawn: Drawn, room: int) -> Draft:
        """Return the steps of a part that a tool does, at most `room`; empty when none does it."""
        if not self.has_tools or part.kind != StepKind.GENERATE:
            return []
        if NAMED in part.options and not self.document.problems:
            return [_tool_step(drawn.next_id(), part.text, [drawn.ends[n] for n in part.after], _by_name(part))]
        if part.text in self.refused and NAMED not in part.options:
            return []
        sources = list(part.after or drawn.reads)
        earlier = drawn.parts[sources[0]].text if sources else None
        facts = Facts(part.text, self.document.message, self.document.context, earlier)
        for offer in choose(part.text, self.offers):
            filled = fill(offer, facts)
            if filled is not None:
                return self._drawn(part, drawn, sources, offer, filled, room)
        return []

    def _drawn(
        self, part: Part, drawn: Drawn, sources: list[int], offer: ToolOffer, filled: Filled, room: int
    ) -> Draft:
        after = [drawn.ends[number] for number in part.after]
        parameters = dict(filled.parameters)
        if filled.to_write is None:
            return [_tool_step(drawn.next_id(), part.text, after, _action(offer, parameters))]
        if len(sources) == 1 and REFERS_BACK.search(part.text) and drawn.kind_of(sources[0]) != StepKind.TOOL:
            source = drawn.ends[sources[0]]
            parameters[filled.to_write] = f"{{{{steps.{source}.result}}}}"
            return [_tool_step(drawn.next_id(), part.text, [source], _action(offer, parameters))]
        if room < 2:  # noqa: PLR2004 - the step that writes, and the tool's
            return []
        writer = self._writer(part, drawn, sources)
        parameters[filled.to_write] = f"{{{{steps.{writer['id']}.result}}}}"
        return [writer, _tool_step(drawn.next_id(1), part.text, [writer["id"]], _action(offer, parameters))]

    def _writer(self, part: Part, drawn: Drawn, sources: list[int]) -> dict[str, Any]:
        prompt = part.text
        if sources:
            prompt = say(self.document.understanding.language, "digest", prompt=part.text)
        return {
            "id": drawn.next_id(),
            "kind": "generate",
            "prompt": prompt,
            "depends_on": [drawn.ends[number] for number in sources],
            "evaluate": "rule",
        }


def reads(part: Part, steps: Draft) -> bool:
    """Return whether a part's steps only read from a tool."""
    verb = intent_of(part.text).verb
    return len(steps) == 1 and steps[0]["kind"] == StepKind.TOOL and (verb is None or verb.reads)


def waits_for_reads(part: Part, drawn: Drawn) -> list[str]:
    """Return the tool results that a part sums up though it does not say so."""
    sums_up = not part.after and part.kind == StepKind.GENERATE and _SUMMARY.search(part.text)
    return [drawn.ends[number] for number in drawn.reads] if sums_up else []


def _tool_step(step_id: str, prompt: str, after: list[str], action: JsonObject) -> dict[str, Any]:
    return {"id": step_id, "kind": "tool", "prompt": prompt, "depends_on": after, **action}


def _action(offer: ToolOffer, parameters: JsonObject) -> JsonObject:
    return {
        "mcp_target_server_id": offer.mcp_target_server_id,
        "mcp_action_type": offer.mcp_action_type.value,
        "mcp_action_name": offer.mcp_action_name,
        "mcp_parameters": parameters,
    }


def _by_name(part: Part) -> JsonObject:
    server, _, name = part.options[NAMED].partition("/")
    return {
        "mcp_target_server_id": server,
        "mcp_action_type": part.options.get("type", "tool"),
        "mcp_action_name": name,
        "mcp_parameters": _parameters(part.options.get("parameters", "{}")),
    }


def _parameters(text: str) -> Json:
    """Return the object that a user wrote; what is none stays as it is, for admission to say so."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if as_object(value) is None else as_object(value)
