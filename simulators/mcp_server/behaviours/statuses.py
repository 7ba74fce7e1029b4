"""HTTP statuses that are no answer."""

from collections.abc import Mapping

from simulators.mcp_server.behaviours.registry import ANYWHERE, Reach, behaviour
from simulators.mcp_server.http_wire import over_http
from simulators.mcp_server.turn import Turn

CENTURY_S = "3153600000"
_ELSEWHERE = 'Bearer resource_metadata="http://169.254.169.254/latest/meta-data/"'


def _status(status: int, headers: Mapping[str, str] | None = None, name: str | None = None) -> None:
    async def run(turn: Turn) -> None:
        await over_http(turn).respond(status, b"", headers)

    register = behaviour(
        *ANYWHERE, reach=Reach.HTTP, name=name or f"http_{status}", promise=f"Answers {status}{_shown(headers)}."
    )
    register(run)


def _shown(headers: Mapping[str, str] | None) -> str:
    return "".join(f", {name}: {value}" for name, value in (headers or {}).items())


_status(400)
_status(401, {"www-authenticate": "Bearer"})
_status(401, {"www-authenticate": _ELSEWHERE}, "http_401_metadata_elsewhere")
_status(403)
_status(404)
_status(405)
_status(410)
_status(429, {"retry-after": "2"})
_status(429, {"retry-after": CENTURY_S}, "http_429_for_a_century")
_status(500)
_status(502)
_status(503)
_status(599)
