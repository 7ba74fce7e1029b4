"""What a client and a browser ask for: metadata, keys, the authorization and the token endpoint."""

import asyncio
import base64
import hashlib
import json
import secrets
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from simulators.oidc_provider.book import Book, Code
from simulators.oidc_provider.id_tokens import LIFETIME_S, id_token


class Pages:
    """The endpoints of one provider."""

    def __init__(self, book: Book) -> None:
        self._book = book

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/.well-known/openid-configuration", self.metadata),
            Route("/keys", self.keys),
            Route("/authorize", self.authorize),
            Route("/token", self.token, methods=["POST"]),
        ]

    async def metadata(self, request: Request) -> Response:
        """Discovery: where the endpoints are."""
        self._book.note("metadata")
        issuer = issuer_of(request)
        told: dict[str, Any] = {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/authorize",
            "token_endpoint": f"{issuer}/token",
            "jwks_uri": f"{issuer}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "ES256", "EdDSA"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
        }
        return self._told(told | self._book.behaviour.metadata, self._book.behaviour.metadata_failure)

    async def keys(self, _request: Request) -> Response:
        """The public keys."""
        self._book.note("keys")
        return self._told({"keys": self._book.keys.shown()}, self._book.behaviour.keys_failure)

    async def authorize(self, request: Request) -> Response:
        """Sign the person in at once and send the browser back with a code."""
        query = request.query_params
        proper = query.get("response_type") == "code" and query.get("code_challenge_method") == "S256"
        if query.get("client_id") not in self._book.clients or not proper or "openid" not in query.get("scope", ""):
            return JSONResponse({"error": "invalid_request"}, 400)
        if self._book.behaviour.deny:
            return self._back(request, error="access_denied")
        code = secrets.token_urlsafe(16)
        kept = (query["client_id"], query["redirect_uri"], query["code_challenge"], query.get("nonce"))
        self._book.codes[code] = Code(*kept)
        self._book.note("authorized", query["scope"])
        return self._back(request, code=code)

    async def token(self, request: Request) -> Response:
        """Exchange a code, once, for an ID token."""
        form = dict(parse_qsl((await request.body()).decode()))
        await asyncio.sleep(self._book.behaviour.delay_s)
        code = self._book.codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        client, secret = _shown(request.headers.get("authorization", ""), form)
        if client not in self._book.clients or self._book.clients[client] != secret:
            self._book.note("refused", "invalid_client")
            return JSONResponse({"error": "invalid_client"}, 401)
        if code is None or code != Code(client, form.get("redirect_uri", ""), challenge, code.nonce):
            self._book.note("refused", "invalid_grant")
            return JSONResponse({"error": "invalid_grant"}, 400)
        self._book.note("granted")
        told: dict[str, Any] = {"access_token": secrets.token_urlsafe(16), "token_type": "Bearer"}
        told |= {"expires_in": LIFETIME_S, "id_token": id_token(self._book, issuer_of(request), code)}
        return self._told(told, self._book.behaviour.token_failure)

    def _told(self, told: dict[str, Any], failure: int | None) -> Response:
        behaviour = self._book.behaviour
        if failure is not None:
            return JSONResponse({"error": "server_error"}, failure)
        if behaviour.redirect is not None:
            return RedirectResponse(behaviour.redirect, 302)
        return Response(" " * behaviour.padding + json.dumps(told), media_type="application/json")

    def _back(self, request: Request, **answer: str) -> Response:
        named = self._book.behaviour.named_issuer
        answer |= {"state": request.query_params.get("state", "")}
        answer |= {} if named == "" else {"iss": named or issuer_of(request)}
        return RedirectResponse(f"{request.query_params['redirect_uri']}?{urlencode(answer)}", 302)


def issuer_of(request: Request) -> str:
    """Return the provider's issuer: its own address as the caller knows it."""
    return str(request.base_url).rstrip("/")


def _shown(authorization: str, form: dict[str, str]) -> tuple[str, str | None]:
    """Return a client's id and secret, as it shows them."""
    if authorization.startswith("Basic "):
        client_id, _, basic = base64.b64decode(authorization[6:]).decode().partition(":")
        return unquote_plus(client_id), unquote_plus(basic)
    return form.get("client_id", ""), form.get("client_secret")
