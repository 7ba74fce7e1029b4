"""Sign-ins at tool servers: where a person has to go, and the page to which their browser comes back."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import HTMLResponse

from api.caller import CallerOf
from api.documents.tools import SignInDocument
from api.parts import ToolsOf
from api.problems import errors
from domain.errors import NotFound
from services.tools.admin import SignInAnswer

router = APIRouter(prefix="/v1/tool-sign-ins", tags=["tools"])

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<body style="font: 16px system-ui; margin: 15vh auto; max-width: 32em; padding: 1em">
<h1>{title}</h1><p>{text}</p></body></html>
"""
_PAGES: dict[int | str, dict[str, Any]] = {
    404: {"description": "Nobody waits for this sign-in.", "content": {"text/html": {}}},
    409: {"description": "The sign-in was used already.", "content": {"text/html": {}}},
}


@router.get("/callback", response_class=HTMLResponse, responses=errors(403, 422, 503) | _PAGES)
async def finish_tool_sign_in(query: Annotated[SignInAnswer, Query()], tools: ToolsOf) -> HTMLResponse:
    """Take what an authorization server sent a person's browser back with; `state` says whose sign-in it is."""
    try:
        taken = await tools.bring_code(query)
    except NotFound:
        return _page(404, "Nobody waits for this sign-in", "It is over, or was not begun here. Begin again.")
    if not taken:
        return _page(409, "This sign-in was used already", "Begin again if it did not succeed.")
    if query.error or not query.code:
        return _page(200, "You have not signed in", "The server did not accept the sign-in. Begin again to retry.")
    return _page(200, "Thank you", "You can close this page and go back to where you were.")


@router.get("/{state}", responses=errors(403, 404, 503))
async def read_tool_sign_in(state: str, tools: ToolsOf, caller: CallerOf) -> SignInDocument:
    """Read a sign-in that waits for a person; one that is over is not found."""
    found = await tools.find_sign_in(state, caller.owner)
    return SignInDocument(server=found.server, state=found.state, url=found.url)


def _page(status: int, title: str, text: str) -> HTMLResponse:
    """Return a page of fixed words: nothing of the query is shown."""
    return HTMLResponse(_PAGE.format(title=title, text=text), status, _HEADERS)
