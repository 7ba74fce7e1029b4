"""Which tools the model calls, and what it says of their answers.

A tool is called if the request forces it, or if the last user message names it, as a word of its own. Its arguments are
the first JSON object in the message after the name, made to fit the tool's schema. Once tools have answered, the model
quotes them.
"""

import json
import re
from dataclasses import dataclass
from hashlib import sha256

from simulators.model_provider.chat import ChatCall, Tool, Toolbox, ToolResult
from simulators.model_provider.faults import ToolCallFault
from simulators.model_provider.json_value import JsonObject, as_object
from simulators.model_provider.schemas import fit

_QUOTED = 2_000
_ID_CHARS = 24
_NO_TOOLS = Toolbox()


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of a tool. `id` has no dialect's prefix yet; `arguments` is what the model wrote, as a rule JSON."""

    id: str
    name: str
    arguments: str

    @property
    def arguments_object(self) -> JsonObject:
        """The arguments as an object, for dialects that send one; empty if they are none."""
        try:
            return as_object(json.loads(self.arguments)) or {}
        except ValueError:
            return {}


def tool_calls(call: ChatCall, scripted: ToolCallFault | None) -> tuple[ToolCall, ...]:
    """Return the calls that the model makes in answer to a request."""
    if scripted is not None:
        told = scripted.arguments
        arguments = told if isinstance(told, str) else json.dumps(told, ensure_ascii=False)
        return (ToolCall(_id(call, scripted.name, 0), scripted.name, arguments),)
    chosen = _chosen(call, call.toolbox or _NO_TOOLS)
    return tuple(
        ToolCall(_id(call, tool.name, index), tool.name, _arguments(call.text, tool))
        for index, tool in enumerate(chosen)
    )


def quote_results(results: tuple[ToolResult, ...]) -> str:
    """Return what the model says of what tools answered."""
    return "\n".join(f"{result.name} answered: {result.text[:_QUOTED]}" for result in results)


def _chosen(call: ChatCall, toolbox: Toolbox) -> list[Tool]:
    if toolbox.barred or toolbox.results:
        return []
    if toolbox.only is not None:
        return [tool for tool in toolbox.tools if tool.name == toolbox.only][:1]
    named = _named(call.text, toolbox.tools) if call.document is None else []
    if toolbox.forced and not named:
        return list(toolbox.tools[:1])
    return named if toolbox.parallel else named[:1]


def _named(text: str, tools: tuple[Tool, ...]) -> list[Tool]:
    """Return the tools that a message names, in the order in which it does."""
    places = ((match.start(), tool) for tool in tools if (match := _name_in(text, tool.name)) is not None)
    return [tool for _, tool in sorted(places, key=lambda place: place[0])]


def _name_in(text: str, name: str) -> re.Match[str] | None:
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text, re.IGNORECASE)


def _arguments(text: str, tool: Tool) -> str:
    match = _name_in(text, tool.name)
    given = _first_object(text[match.end() :]) if match else {}
    return json.dumps(as_object(fit(given, tool.schema)) or {}, ensure_ascii=False)


def _first_object(text: str) -> JsonObject:
    start = text.find("{")
    if start < 0:
        return {}
    try:
        value, _ = json.JSONDecoder().raw_decode(text, start)
    except (ValueError, RecursionError):
        return {}
    return as_object(value) or {}


def _id(call: ChatCall, name: str, index: int) -> str:
    # The prompt's size tells the turns of a conversation apart that ask for the same again.
    seed = f"{call.prompt_tokens}/{index}/{name}/{call.text}"
    return sha256(seed.encode("utf-8", "surrogatepass")).hexdigest()[:_ID_CHARS]
