"""The X-Request-Id of a call: the client's when it is well formed, else a new one. Every answer and log line has it."""

import re
import secrets
from typing import Final

from starlette.datastructures import Headers
from starlette.types import Scope

HEADER: Final = "X-Request-Id"
_WELL_FORMED: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


def give(scope: Scope) -> str:
    """Choose the call's id and keep it in the scope."""
    offered = Headers(scope=scope).get(HEADER, "")
    chosen = offered if _WELL_FORMED.fullmatch(offered) else secrets.token_hex(8)
    scope.setdefault("state", {})["request_id"] = chosen
    return chosen


def id_of(scope: Scope) -> str:
    """Return the call's id."""
    chosen: str = scope.get("state", {}).get("request_id", "")
    return chosen
