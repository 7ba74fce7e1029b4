"""What one run of the server is like: which protocol it speaks, whom it lets in, what more it offers."""

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

from simulators.model_provider.json_value import JsonObject, as_list, as_object

Era = Literal["both", "legacy", "modern"]


@dataclass(frozen=True, slots=True)
class Script:
    """The settings of one server; a `--script` file is a JSON object of these.

    Attributes:
        behaviour: What it does wrong, `name` or `name@stage`; None: nothing.
        protocol: `legacy` knows the handshake of 2025-11-25 only, `modern` only 2026-07-28.
        sessions: Hand out `Mcp-Session-Id` at the handshake and ask for it afterwards.
        bearer: Let only this token in.
        tools: More tools, as they are listed, each with an `answer`: the result of every call. `"writes": true` has its
            calls counted as writes.
        page_size: How many tools one page of the list holds.
    """

    behaviour: str | None = None
    protocol: Era = "both"
    sessions: bool = False
    bearer: str | None = None
    tools: tuple[JsonObject, ...] = ()
    page_size: int = 50


def read_script(path: Path) -> Script:
    """Return the script in a file.

    Raises:
        ValueError: It is not a JSON object, or has a field that a script has not.
    """
    told = as_object(json.loads(path.read_text(encoding="utf-8")))
    if told is None:
        raise ValueError("a script is a JSON object")
    unknown = sorted(set(told) - {field.name for field in fields(Script)})
    if unknown:
        raise ValueError(f"a script has no {', '.join(unknown)}")
    told["tools"] = tuple(as_list(told.get("tools")) or ())
    return Script(**told)
