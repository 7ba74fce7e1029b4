"""The application: authorization server, control endpoints and the MCP server behind its gate."""

from mcp.server import MCPServer
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from simulators.oauth_server.book import Book, Client
from simulators.oauth_server.control import Control
from simulators.oauth_server.grants import Grants
from simulators.oauth_server.settings import SCOPE, Settings
from simulators.oauth_server.sign_in import SignInPages, origin_of


def create_app(settings: Settings | None = None) -> Starlette:
    """Return a server with a book of its own."""
    settings = settings or Settings()
    book = Book({key: Client(key, secret, None) for key, secret in settings.clients.items()})
    app = _tools().streamable_http_app(json_response=True, stateless_http=True)
    app.router.routes.extend(
        [
            *SignInPages(settings, book).routes(),
            Route("/as/token", Grants(settings, book).token, methods=["POST"]),
            *Control(book).routes(),
        ]
    )
    app.user_middleware.append(Middleware(_Gate, book=book))
    return app


def _tools() -> MCPServer:
    server = MCPServer("guarded")

    @server.tool()
    def echo(text: str) -> str:  # pyright: ignore[reportUnusedFunction] - the decorator keeps it
        """Return the text."""
        return text

    return server


class _Gate:
    """Lets requests to `/mcp` pass that carry a good token."""

    def __init__(self, app: ASGIApp, book: Book) -> None:
        self._app = app
        self._book = book

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(Request(scope)) if scope["type"] == "http" and scope["path"] == "/mcp" else None
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, request: Request) -> Response | None:
        behaviour = self._book.behaviour
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token and behaviour.challenge is not None:
            self._book.note("challenged", behaviour.challenge)
            return _challenge(request, 403, behaviour.challenge, behaviour.challenge_scope)
        if self._book.lets_in(token) or (not token and behaviour.anonymous):
            self._book.note("let in", request.method)
            return None
        self._book.note("turned away", "with a token" if token else "without a token")
        return _challenge(request, 401, "invalid_token")


def _challenge(request: Request, status: int, error: str, scope: str = SCOPE) -> Response:
    metadata = f"{origin_of(request)}/.well-known/oauth-protected-resource/mcp"
    challenge = f'Bearer error="{error}", scope="{scope}", resource_metadata="{metadata}"'
    return JSONResponse({"error": error}, status, headers={"WWW-Authenticate": challenge})
