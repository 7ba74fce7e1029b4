"""The endpoints for those who drive the simulator: `/__sim/behaviour`, `/log` and `/keys/renew`."""

from dataclasses import asdict

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulators.oidc_provider.book import Book
from simulators.oidc_provider.settings import Behaviour


class Control:
    """The control endpoints of one provider."""

    def __init__(self, book: Book) -> None:
        self._book = book

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/__sim/behaviour", self.behave, methods=["PUT"]),
            Route("/__sim/log", self.log, methods=["GET"]),
            Route("/__sim/log", self.clear, methods=["DELETE"]),
            Route("/__sim/keys/renew", self.renew, methods=["POST"]),
        ]

    async def behave(self, request: Request) -> Response:
        """Behave as said; what is not said is as at the start."""
        try:
            self._book.behaviour = Behaviour.model_validate(await request.json())
        except ValidationError as error:
            return JSONResponse({"problems": [item["msg"] for item in error.errors()]}, 400)
        return Response(status_code=204)

    async def log(self, _request: Request) -> Response:
        """Tell what happened, oldest first."""
        return JSONResponse({"log": [asdict(entry) for entry in self._book.log]})

    async def clear(self, _request: Request) -> Response:
        """Forget what happened."""
        self._book.log.clear()
        return Response(status_code=204)

    async def renew(self, _request: Request) -> Response:
        """Change all keys."""
        self._book.keys.renew()
        return Response(status_code=204)
