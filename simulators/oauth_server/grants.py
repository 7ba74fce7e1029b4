"""The token endpoint: authorization code with PKCE, refresh with rotation, client credentials."""

import asyncio
import base64
import hashlib
from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from simulators.oauth_server.book import Book, Client, SignIn
from simulators.oauth_server.settings import SCOPE, Settings

Form = Mapping[str, str]


class Refused(Exception):
    """An OAuth error: its `error` code."""

    def __init__(self, error: str, status: int = 400) -> None:
        super().__init__(error)
        self.error, self.status = error, status


class Grants:
    """The token endpoint of one server."""

    def __init__(self, settings: Settings, book: Book) -> None:
        self._settings = settings
        self._book = book

    async def token(self, request: Request) -> Response:
        """Answer a token request."""
        form = dict(parse_qsl((await request.body()).decode()))
        answer = self._answer(form.get("grant_type", ""), request, form)
        await asyncio.sleep(self._book.behaviour.delay_s)
        return answer

    def _answer(self, kind: str, request: Request, form: Form) -> Response:
        self._book.note("asked", kind)
        if (status := self._book.behaviour.failure) is not None:
            return Response(self._book.behaviour.failure_body, status, media_type="application/json")
        try:
            body = self._granted(kind, form, self._client(request, form))
        except Refused as refusal:
            self._book.note("refused", refusal.error)
            return JSONResponse({"error": refusal.error}, refusal.status)
        self._book.note("granted", kind)
        return JSONResponse(body, headers={"Cache-Control": "no-store"})

    def _granted(self, kind: str, form: Form, client: Client) -> dict[str, object]:
        if kind == "authorization_code":
            return self._by_code(form, client)
        if kind == "refresh_token":
            return self._by_refresh(form, client)
        if kind == "client_credentials" and client.secret is not None:
            sign_in = SignIn(client.id, form.get("scope", SCOPE), form.get("resource", ""))
            return self._book.grant(sign_in, refresh=False)
        raise Refused("unsupported_grant_type")

    def _by_code(self, form: Form, client: Client) -> dict[str, object]:
        code = self._book.codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        shown = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if code is None or (code.client_id, code.redirect_uri, code.challenge) != (
            client.id,
            form.get("redirect_uri"),
            shown,
        ):
            raise Refused("invalid_grant")
        return self._book.grant(SignIn(client.id, code.scope, code.resource), refresh=True)

    def _by_refresh(self, form: Form, client: Client) -> dict[str, object]:
        token = self._book.refresh.get(form.get("refresh_token", ""))
        if token is None or token.sign_in.ended or token.sign_in.client_id != client.id:
            raise Refused("invalid_grant")
        if token.used:
            token.sign_in.ended = True
            self._book.note("reused")
            raise Refused("invalid_grant")
        token.used = self._book.behaviour.rotate
        return self._book.grant(token.sign_in, refresh=self._book.behaviour.rotate)

    def _client(self, request: Request, form: Form) -> Client:
        method, client_id, secret = _shown(request.headers.get("authorization", ""), form)
        client = self._book.clients.get(client_id)
        if client is None or client.secret != secret or method not in self._settings.methods:
            raise Refused("invalid_client", 401)
        return client


def _shown(authorization: str, form: Form) -> tuple[str, str, str | None]:
    """Return the method by which a client shows who it is, its id and its secret."""
    if authorization.startswith("Basic "):
        client_id, _, basic = base64.b64decode(authorization[6:]).decode().partition(":")
        return "client_secret_basic", unquote(client_id), unquote(basic)
    posted = form.get("client_secret")
    return "none" if posted is None else "client_secret_post", form.get("client_id", ""), posted
