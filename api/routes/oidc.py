"""Signing in at an OpenID provider: two addresses that a browser visits."""

from typing import Annotated, Final
from urllib.parse import urlsplit

from fastapi import APIRouter, Path, Query, Request, Response
from starlette.responses import RedirectResponse

from api.documents.auth import TokenDocument
from api.documents.oidc import ReturnQuery
from api.doors import ClientOf, DoorsOf
from api.oauth_problems import NO_STORE
from api.parts import PartsOf
from api.problems import errors
from services.identity.oidc.provider import PROVIDER_ID
from services.identity.oidc.sign_ins import Return
from services.identity.oidc.states import LIMIT_S

router = APIRouter(prefix="/v1/auth/oidc/{provider}", tags=["auth"])

COOKIE: Final = "longhaul_sign_in"
_HEADERS: Final = {**NO_STORE, "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"}

ProviderOf = Annotated[str, Path(pattern=PROVIDER_ID, examples=["corp"])]


@router.get("/login", status_code=302, response_class=RedirectResponse, responses=errors(401, 403, 404, 422, 503))
async def begin_sign_in(provider: ProviderOf, request: Request, parts: PartsOf, doors: DoorsOf) -> RedirectResponse:
    """Send the browser to the provider. It is known again by a cookie when it comes back."""
    path = request.app.url_path_for("finish_sign_in", provider=provider)
    callback = path.make_absolute_url(parts.deployment.public_url or request.base_url)
    leaving = await doors.sign_ins.leave(provider, str(callback))
    back = urlsplit(leaving.redirect_uri)
    answer = RedirectResponse(leaving.url, 302, _HEADERS)
    answer.set_cookie(
        COOKIE,
        leaving.cookie,
        max_age=LIMIT_S,
        path=_folder(back.path),
        secure=back.scheme == "https",
        httponly=True,
        samesite="lax",
    )
    return answer


@router.get("/callback", responses=errors(401, 403, 404, 422, 503))
async def finish_sign_in(
    provider: ProviderOf,
    query: Annotated[ReturnQuery, Query()],
    request: Request,
    response: Response,
    doors: DoorsOf,
    client: ClientOf,
) -> TokenDocument:
    """Take what the provider sent the browser back with, and answer tokens as the token endpoint does."""
    back = Return(query.state, query.code, query.error, query.iss, request.cookies.get(COOKIE))
    granted = await doors.sign_ins.come_back(provider, back, client)
    response.headers.update(_HEADERS)
    response.delete_cookie(COOKIE, path=_folder(request.url.path))
    return TokenDocument.of(granted)


def _folder(path: str) -> str:
    """Return the path of the cookie: both addresses of the provider."""
    return path.rpartition("/")[0] or "/"
