"""How a server is described in a path: a behaviour, and what it is like beside."""

from dataclasses import replace

from simulators.mcp_server.behaviours import chosen
from simulators.mcp_server.script import Script

HONEST = "honest"


def with_label(script: Script, label: str) -> Script:
    """Return a script with what a label such as `honest+legacy+sessions` or `http_401@connect` says.

    Raises:
        ValueError: There is no such behaviour or option.
    """
    name, *options = label.split("+")
    if name != HONEST:
        chosen(name)
    script = replace(script, behaviour=None if name == HONEST else name)
    for option in options:
        script = _with_option(script, option)
    return script


def _with_option(script: Script, option: str) -> Script:
    match option:
        case "legacy" | "modern":
            return replace(script, protocol=option)
        case "sessions":
            return replace(script, sessions=True)
        case _:
            raise ValueError(f"no option is named {option!r}")
