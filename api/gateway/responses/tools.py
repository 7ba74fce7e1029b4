"""Tools and the choice among them, from the form of the Responses API to a chat's."""

from typing import Any

from api.gateway.fields import Fields

_BUILT_IN = "only tools of type function are supported here: no others are run by this server"


def tool(asked: Fields) -> dict[str, Any]:
    """Return a function.

    Raises:
        BadField: It is another kind of tool, which the API's own servers would run.
    """
    if asked.text("type") != "function":
        raise asked.bad("type", _BUILT_IN, "unsupported_value")
    asked.text("name")
    asked.only("type", "name", "description", "parameters", "strict")
    if asked.has("parameters"):
        asked.member("parameters")
    return {"type": "function", "function": asked.rest("type")}


def choice(asked: Fields) -> str | dict[str, Any] | None:
    """Return `tool_choice`, None when none was made.

    Raises:
        BadField: It is of another kind of tool.
    """
    if isinstance(asked.values.get("tool_choice"), str):
        return asked.choice("tool_choice", "none", "auto", "required")
    chosen = asked.member("tool_choice")
    if chosen is None:
        return None
    if chosen.text("type") == "allowed_tools":
        mode = chosen.choice("mode", "auto", "required")
        allowed = [_named(one) for one in chosen.objects("tools")]
        return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": allowed}}
    return _named(chosen)


def _named(chosen: Fields) -> dict[str, Any]:
    if chosen.text("type") != "function":
        raise chosen.bad("type", _BUILT_IN, "unsupported_value")
    return {"type": "function", "function": {"name": chosen.text("name")}}
