"""Which form an error has: that of the API whose path was asked, also when no route was reached."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response
from starlette.types import Scope

from api import oauth_problems, problems
from api.gateway import problems as openai
from api.gateway.messages import problems as anthropic
from api.problems import ApiProblem
from api.request_ids import id_of
from api.request_log import note_error

Documents = Callable[..., dict[int | str, dict[str, Any]]]
"""Makes the OpenAPI responses of a route that may fail with the statuses given."""


@dataclass(frozen=True)
class _Form:
    """How an API tells errors. `respond`: the response for a problem, given the call's request id."""

    respond: Callable[[ApiProblem, str], Response]
    errors: Documents


_OURS: Final = _Form(problems.respond, problems.errors)
_OPENAI: Final = _Form(openai.respond, openai.errors)
_ANTHROPIC: Final = _Form(anthropic.respond, anthropic.errors)
_OAUTH: Final = _Form(oauth_problems.respond, oauth_problems.errors)
_FORMS: Final[tuple[tuple[str, _Form], ...]] = (
    ("/v1/chat/", _OPENAI),
    ("/v1/completions", _OPENAI),
    ("/v1/embeddings", _OPENAI),
    ("/v1/models", _OPENAI),
    ("/v1/responses", _OPENAI),
    ("/v1/messages", _ANTHROPIC),
    ("/v1/calls", _OPENAI),
    ("/v1/auth/token", _OAUTH),
)


def answer(scope: Scope, problem: ApiProblem) -> Response:
    """Return the response that tells a problem to whoever made a call."""
    note_error(scope, problem.code)
    return _form(scope["path"]).respond(problem, id_of(scope))


def documented(path: str) -> Documents:
    """Return what documents the errors of a path."""
    return _form(path).errors


def _form(path: str) -> _Form:
    return next((form for start, form in _FORMS if path.startswith(start)), _OURS)
