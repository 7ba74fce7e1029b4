"""The endpoints for those who drive the simulator: `/__sim/calls`, `/__sim/faults`, `/__sim/script`."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulators.model_provider.calls import CallLog
from simulators.model_provider.errors import ApiError
from simulators.model_provider.faults import FaultBook, Rule
from simulators.model_provider.json_value import Json
from simulators.model_provider.script import read_script

_RULES: TypeAdapter[list[Rule]] = TypeAdapter(list[Rule])


@dataclass(frozen=True, slots=True)
class Control:
    """The control endpoints of one server."""

    log: CallLog
    faults: FaultBook

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/__sim/calls", self.get_calls, methods=["GET"]),
            Route("/__sim/calls", self.delete_calls, methods=["DELETE"]),
            Route("/__sim/faults", self.get_faults, methods=["GET"]),
            Route("/__sim/faults", self.post_faults, methods=["POST"]),
            Route("/__sim/faults", self.delete_faults, methods=["DELETE"]),
            Route("/__sim/script", self.post_script, methods=["POST"]),
        ]

    async def get_calls(self, request: Request) -> Response:
        """List the calls in memory, oldest first; query parameters filter by a field, such as `?task=plan`."""
        return JSONResponse({"calls": self.log.recent(request.query_params)})

    async def delete_calls(self, _request: Request) -> Response:
        """Forget the calls in memory."""
        self.log.clear()
        return Response(status_code=204)

    async def get_faults(self, _request: Request) -> Response:
        """List the rules and how often each applied."""
        return JSONResponse({"faults": self.faults.as_json()})

    async def post_faults(self, request: Request) -> Response:
        """Add rules: one, or a list."""
        return await self._add(request, lambda raw: _RULES.validate_python(raw if isinstance(raw, list) else [raw]))

    async def post_script(self, request: Request) -> Response:
        """Add rules by a script of presets."""
        return await self._add(request, read_script)

    async def delete_faults(self, _request: Request) -> Response:
        """Remove all rules, those of scripts too."""
        self.faults.clear()
        return Response(status_code=204)

    async def _add(self, request: Request, read: Callable[[Json], list[Rule]]) -> Response:
        try:
            rules = read(await request.json())
        except ValidationError as error:
            raise ApiError(400, "; ".join(_problem(item) for item in error.errors()[:5])) from error
        except json.JSONDecodeError as error:
            raise ApiError(400, "the body is not JSON") from error
        return JSONResponse({"ids": self.faults.add(rules)}, status_code=201)


def _problem(item: Json) -> str:
    return f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}"
