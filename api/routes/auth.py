"""Logging in by password, going on by refresh token, logging out; the keys that sign tokens."""

import base64
from collections.abc import Mapping

from fastapi import APIRouter, Request, Response

from api import oauth_problems
from api.acting import ByOf
from api.bodies import StrictRoute
from api.documents.auth import (
    TOKEN_FORM,
    KeyDocument,
    KeySetDocument,
    LogOutBody,
    PasswordBody,
    RotateBody,
    RotatedDocument,
    SessionsDocument,
    TokenDocument,
)
from api.doors import ClientOf, DoorsOf, SessionOf, session_of
from api.forms import read_form
from api.oauth_problems import INVALID_GRANT, INVALID_REQUEST, NO_STORE, UNSUPPORTED
from api.problems import ApiProblem, errors, not_found
from services.identity.doors import Doors
from services.identity.log_ins import Granted, GrantRefused, NewPassword
from services.identity.session_rows import SESSION_ID, Client

router = APIRouter(prefix="/v1/auth", tags=["auth"], route_class=StrictRoute)
forms = APIRouter(prefix="/v1/auth", tags=["auth"])


@forms.post("/token", openapi_extra=TOKEN_FORM, responses=oauth_problems.errors(400, 403, 413, 415, 429, 503))
async def issue_token(request: Request, doors: DoorsOf, client: ClientOf, response: Response) -> TokenDocument:
    """Log in by name and password, or go on by a refresh token: OAuth 2.0's token endpoint (RFC 6749)."""
    form = await read_form(request)
    try:
        granted = await _grant(doors, form, client)
    except GrantRefused as refusal:
        raise ApiProblem(400, INVALID_GRANT, str(refusal)) from None
    response.headers.update(NO_STORE)
    return TokenDocument.of(granted)


@router.post("/logout", status_code=204, responses=errors(400, 401, 403, 413, 415, 422, 503))
async def log_out(session: SessionOf, doors: DoorsOf, client: ClientOf, body: LogOutBody | None = None) -> None:
    """End the token's session, or all of its user's: their tokens are void within 5 s, everywhere."""
    await doors.log_ins.log_out(session, client, everywhere=body is not None and body.everywhere)


@router.get("/sessions", responses=errors(401, 403, 503))
async def list_sessions(session: SessionOf, doors: DoorsOf) -> SessionsDocument:
    """List the sessions of the token's user."""
    return SessionsDocument(sessions=await doors.log_ins.sessions(session), current=session.session_id)


@router.delete("/sessions/{session_id}", status_code=204, responses=errors(401, 403, 404, 503))
async def end_session(session_id: str, session: SessionOf, doors: DoorsOf, client: ClientOf) -> None:
    """End one session of the token's user."""
    if not SESSION_ID.match(session_id) or not await doors.log_ins.end_one(session, session_id, client):
        raise not_found("session")


@router.post("/password", status_code=204, responses=errors(400, 401, 403, 413, 415, 422, 429, 503))
async def change_password(body: PasswordBody, request: Request, doors: DoorsOf, client: ClientOf) -> None:
    """Replace a password. All sessions end, but the one whose access token comes along."""
    change = NewPassword(body.password.get_secret_value(), body.new_password.get_secret_value())
    if body.username is not None:
        await doors.log_ins.change_password(body.username, change, client)
        return
    session = await session_of(request, doors)
    kept = NewPassword(change.old, change.new, session.session_id)
    await doors.log_ins.change_password(session, kept, client)


@router.get("/jwks", responses=errors(403, 503))
async def list_signing_keys(doors: DoorsOf, response: Response) -> KeySetDocument:
    """Read the public keys by which our access tokens can be verified (RFC 7517)."""
    found = await doors.keys.public()
    response.headers["Cache-Control"] = "public, max-age=30"
    shown = {kid: base64.urlsafe_b64encode(key.public_bytes_raw()).rstrip(b"=").decode() for kid, key in found.items()}
    return KeySetDocument(keys=[KeyDocument(kid=kid, x=x) for kid, x in shown.items()])


@router.post("/keys/rotate", status_code=201, responses=errors(400, 401, 403, 413, 415, 422, 503))
async def rotate_signing_keys(by: ByOf, doors: DoorsOf, body: RotateBody | None = None) -> RotatedDocument:
    """Make a new signing key. The earlier ones sign for another minute, and what they signed stays valid."""
    return RotatedDocument(kid=await doors.keys.rotate(by, revoke=body is not None and body.revoke))


async def _grant(doors: Doors, form: Mapping[str, str], client: Client) -> Granted:
    kind = form.get("grant_type")
    if kind == "password":
        return await doors.log_ins.by_password(_field(form, "username"), _field(form, "password"), client)
    if kind == "refresh_token":
        return await doors.log_ins.by_refresh(_field(form, "refresh_token"), client)
    if kind is None:
        raise ApiProblem(400, INVALID_REQUEST, "grant_type is missing")
    raise ApiProblem(400, UNSUPPORTED, "grant_type is password or refresh_token")


def _field(form: Mapping[str, str], name: str) -> str:
    if name not in form:
        raise ApiProblem(400, INVALID_REQUEST, f"{name} is missing")
    return form[name]
