"""The endpoints for those who drive the simulator, under `/__sim/`."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulators.atlassian.faults import FaultBook, Rule
from simulators.atlassian.records import Records

_RULES: TypeAdapter[list[Rule]] = TypeAdapter(list[Rule])


@dataclass(frozen=True, slots=True)
class Control:
    """The control endpoints of one server; `forget` puts the products back to their seed."""

    records: Records
    faults: FaultBook
    forget: Callable[[], None]

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/__sim/calls", self.get_calls, methods=["GET"]),
            Route("/__sim/writes", self.get_writes, methods=["GET"]),
            Route("/__sim/faults", self.get_faults, methods=["GET"]),
            Route("/__sim/faults", self.post_faults, methods=["POST"]),
            Route("/__sim/faults", self.delete_faults, methods=["DELETE"]),
            Route("/__sim/reset", self.reset, methods=["POST"]),
        ]

    async def get_calls(self, request: Request) -> Response:
        """List the calls in memory, oldest first; query parameters filter by a field, such as `?method=POST`."""
        return JSONResponse({"calls": self.records.calls(request.query_params)})

    async def get_writes(self, request: Request) -> Response:
        """List the writes in memory, in the same way."""
        return JSONResponse({"writes": self.records.writes(request.query_params)})

    async def get_faults(self, _request: Request) -> Response:
        """List the rules and how often each applied."""
        return JSONResponse({"faults": self.faults.as_json()})

    async def post_faults(self, request: Request) -> Response:
        """Add rules: one, or a list."""
        try:
            raw = await request.json()
            rules = _RULES.validate_python(raw if isinstance(raw, list) else [raw])
        except (json.JSONDecodeError, ValidationError) as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse({"ids": self.faults.add(rules)}, 201)

    async def delete_faults(self, _request: Request) -> Response:
        """Remove all rules."""
        self.faults.clear()
        return Response(status_code=204)

    async def reset(self, _request: Request) -> Response:
        """Back to the seed: no faults, no calls, no writes in memory. The log file stays."""
        self.forget()
        self.faults.clear()
        self.records.clear()
        return Response(status_code=204)
