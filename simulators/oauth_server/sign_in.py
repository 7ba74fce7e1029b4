"""Discovery, registration and the authorization endpoint."""

import secrets
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from simulators.oauth_server.book import Book, Client, Code
from simulators.oauth_server.settings import SCOPE, Settings


class SignInPages:
    """What a client and a browser see before there is a token."""

    def __init__(self, settings: Settings, book: Book) -> None:
        self._settings = settings
        self._book = book

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/.well-known/oauth-protected-resource/mcp", self.resource),
            Route("/.well-known/oauth-authorization-server/as", self.metadata),
            Route("/as/register", self.register, methods=["POST"]),
            Route("/as/authorize", self.authorize),
        ]

    async def resource(self, request: Request) -> Response:
        """RFC 9728: which authorization server lets into the MCP server."""
        origin = origin_of(request)
        return JSONResponse(
            {"resource": f"{origin}/mcp", "authorization_servers": [f"{origin}/as"], "scopes_supported": [SCOPE]}
        )

    async def metadata(self, request: Request) -> Response:
        """RFC 8414: where the authorization server's endpoints are."""
        if (status := self._book.behaviour.metadata_failure) is not None:
            return Response(status_code=status)
        issuer = f"{origin_of(request)}/as"
        body: dict[str, object] = {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/authorize",
            "token_endpoint": f"{issuer}/token",
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": self._settings.methods,
            "authorization_response_iss_parameter_supported": True,
        }
        if self._settings.registration:
            body["registration_endpoint"] = f"{issuer}/register"
        return JSONResponse(body)

    async def register(self, request: Request) -> Response:
        """RFC 7591: a new client. It is public unless it asks for a secret."""
        if not self._settings.registration:
            return JSONResponse({"error": "access_denied"}, 403)
        wanted = await request.json()
        method = wanted.get("token_endpoint_auth_method") or "none"
        secret = None if method == "none" else secrets.token_urlsafe(16)
        client = Client(f"client-{secrets.token_hex(8)}", secret, tuple(wanted["redirect_uris"]))
        self._book.clients[client.id] = client
        self._book.note("registered", client.id)
        made = wanted | {"client_id": client.id, "token_endpoint_auth_method": method}
        return JSONResponse(made if secret is None else made | {"client_secret": secret}, 201)

    async def authorize(self, request: Request) -> Response:
        """Approve at once and send the browser back with a code."""
        query = request.query_params
        client = self._book.clients.get(query.get("client_id", ""))
        back = query.get("redirect_uri", "")
        if client is None or (client.redirect_uris is not None and back not in client.redirect_uris):
            return JSONResponse({"error": "invalid_request"}, 400)
        if query.get("response_type") != "code" or query.get("code_challenge_method") != "S256":
            return self._send_back(request, error="invalid_request")
        if self._book.behaviour.deny:
            return self._send_back(request, error="access_denied")
        code = f"code-{secrets.token_urlsafe(16)}"
        self._book.codes[code] = Code(
            client.id, back, query.get("code_challenge", ""), query.get("scope", ""), query.get("resource", "")
        )
        self._book.note("authorized", query.get("scope", ""))
        return self._send_back(request, code=code)

    def _send_back(self, request: Request, **answer: str) -> Response:
        query = request.query_params
        answer |= {"state": query.get("state", ""), "iss": f"{origin_of(request)}/as"}
        return RedirectResponse(f"{query['redirect_uri']}?{urlencode(answer)}", 302)


def origin_of(request: Request) -> str:
    """Return the server's own address as the caller knows it."""
    return str(request.base_url).rstrip("/")
