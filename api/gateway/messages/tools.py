"""Tools and the choice among them, from Anthropic's form to the OpenAI API's."""

from typing import Any

from api.gateway.fields import Fields, Json

_CHOICES = {"auto": "auto", "any": "required", "none": "none"}


def tool(asked: Fields) -> dict[str, Any]:
    """Return a tool. One that Anthropic's servers run has no counterpart and goes on as it came.

    Raises:
        BadField: It has no name or no schema.
    """
    if (asked.maybe_text("type") or "custom") != "custom":
        return dict(asked.values)
    function: dict[str, Any] = {"name": asked.text("name")}
    if asked.has("description"):
        function["description"] = asked.text("description")
    function["parameters"] = Fields.of(asked.required("input_schema"), asked.at("input_schema")).values
    if asked.has("strict"):
        function["strict"] = asked.flag("strict")
    beside = asked.rest("type", "name", "description", "input_schema", "strict")
    return {"type": "function", "function": function, **beside}


def choice_fields(asked: Fields | None) -> Json:
    """Return `tool_choice`, and `parallel_tool_calls` where parallel calls are not wanted.

    Raises:
        BadField: The choice is of no known type, or names no tool.
    """
    if asked is None:
        return {}
    kind = asked.choice("type", "auto", "any", "tool", "none")
    chosen: object = _CHOICES.get(kind)
    if kind == "tool":
        chosen = {"type": "function", "function": {"name": asked.text("name")}}
    one_by_one = asked.flag("disable_parallel_tool_use")
    return {"tool_choice": chosen, **({"parallel_tool_calls": False} if one_by_one else {})}
