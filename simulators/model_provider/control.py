"""The endpoints for those who drive the simulator, under `/__sim`: calls, windows, limits, faults, script."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass

from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulators.model_provider.calls import account_of
from simulators.model_provider.endpoint import Core
from simulators.model_provider.errors import ApiError
from simulators.model_provider.fault_book import Rule
from simulators.model_provider.json_value import Json
from simulators.model_provider.limits import Limit
from simulators.model_provider.script import read_script
from simulators.model_provider.windows import peaks

_RULES: TypeAdapter[list[Rule]] = TypeAdapter(list[Rule])
_LIMITS: TypeAdapter[dict[str, Limit]] = TypeAdapter(dict[str, Limit])


@dataclass(frozen=True, slots=True)
class Control:
    """The control endpoints of one server."""

    core: Core

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/__sim/calls", self.get_calls, methods=["GET"]),
            Route("/__sim/calls", self.delete_calls, methods=["DELETE"]),
            Route("/__sim/windows", self.get_windows, methods=["GET"]),
            Route("/__sim/limits", self.put_limits, methods=["PUT"]),
            Route("/__sim/faults", self.get_faults, methods=["GET"]),
            Route("/__sim/faults", self.post_faults, methods=["POST"]),
            Route("/__sim/faults", self.delete_faults, methods=["DELETE"]),
            Route("/__sim/script", self.post_script, methods=["POST"]),
        ]

    async def get_calls(self, request: Request) -> Response:
        """List the calls in memory, oldest first.

        `?limit=` makes a page of it, `?after=` with the last call's `number` the next one; `?key=` wants those of an
        API key; all other query parameters filter by a field, such as `?task=plan`.
        """
        filters = dict(request.query_params)
        if "key" in filters:
            filters["account"] = account_of(filters.pop("key"))
        after, limit = _whole(filters.pop("after", "0")), filters.pop("limit", None)
        calls = self.core.log.recent(filters, after, None if limit is None else _whole(limit))
        return JSONResponse({"calls": calls})

    async def delete_calls(self, _request: Request) -> Response:
        """Forget the calls in memory."""
        self.core.log.clear()
        return Response(status_code=204)

    async def get_windows(self, request: Request) -> Response:
        """Tell the most that each account did in any window of `?window_s=` seconds, of the calls in memory."""
        try:
            window_s = float(request.query_params.get("window_s", "60"))
        except ValueError as error:
            raise ApiError(400, "window_s: must be a number") from error
        found = peaks(self.core.log.spans(), window_s)
        return JSONResponse({"windows": {account: asdict(peak) for account, peak in found.items()}})

    async def put_limits(self, request: Request) -> Response:
        """Set the limits of single accounts, by API key, in place of all that were set so; what was counted stays."""
        try:
            self.core.limits.of_account = _LIMITS.validate_python(await _body(request))
        except ValidationError as error:
            raise _refused(error) from error
        return Response(status_code=204)

    async def get_faults(self, _request: Request) -> Response:
        """List the rules and how often each applied."""
        return JSONResponse({"faults": self.core.faults.as_json()})

    async def post_faults(self, request: Request) -> Response:
        """Add rules: one, or a list."""
        return await self._add(request, lambda raw: _RULES.validate_python(raw if isinstance(raw, list) else [raw]))

    async def post_script(self, request: Request) -> Response:
        """Add rules by a script of presets."""
        return await self._add(request, read_script)

    async def delete_faults(self, _request: Request) -> Response:
        """Remove all rules, those of scripts too."""
        self.core.faults.clear()
        return Response(status_code=204)

    async def _add(self, request: Request, read: Callable[[Json], list[Rule]]) -> Response:
        try:
            rules = read(await _body(request))
        except ValidationError as error:
            raise _refused(error) from error
        return JSONResponse({"ids": self.core.faults.add(rules)}, status_code=201)


async def _body(request: Request) -> Json:
    try:
        return await request.json()
    except json.JSONDecodeError as error:
        raise ApiError(400, "the body is not JSON") from error


def _refused(error: ValidationError) -> ApiError:
    problems = (f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors()[:5])
    return ApiError(400, "; ".join(problems))


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise ApiError(400, f"not a number: {text!r}")
    return int(text)
