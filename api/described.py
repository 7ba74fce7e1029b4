"""The OpenAPI document: FastAPI's, with our shape of errors, and with what every route wants of its caller."""

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.access_rows import ACCESS, PUBLIC
from api.gateway.envelopes import documented
from api.problems import ProblemDocument, errors

_SCHEMES: Final = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key `lh_…` or an access token."},
    "api_key": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "The same, as Anthropic has it."},
}
_ANY_CALL: Final = (408, 504)
_CALLERS: Final = (401, 403, 429, 503)
"""How every call may end, and every one that wants a caller."""
_ANY: Final[list[dict[str, list[str]]]] = [{name: []} for name in _SCHEMES]


def describe(app: FastAPI) -> dict[str, Any]:
    """Return the document."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        _tell_errors(document["components"]["schemas"])
        document["components"]["securitySchemes"] = _SCHEMES
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                _tell_access(operation, f"{method.upper()} {path}", path)
        app.openapi_schema = document
    return app.openapi_schema


def _tell_errors(schemas: dict[str, Any]) -> None:
    """Put our error shape in place of FastAPI's own."""
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    problem = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs", {}))
    schemas["ProblemDocument"] = problem


def _tell_access(operation: dict[str, Any], row: str, path: str) -> None:
    """Say which permission a route wants, and what happens without it. Whoever wants a caller may ask the database."""
    wanted = ACCESS.get(row)
    statuses: tuple[int, ...] = _ANY_CALL
    operation["security"] = []
    if wanted is not PUBLIC:
        operation["security"] = _ANY
        operation["x-permission"] = "none" if wanted is None else wanted.value
        statuses += _CALLERS
    told = {**documented(path)(*statuses), 431: errors(431)[431]}  # before it is known which route is asked
    operation["responses"] = {**{str(status): said for status, said in told.items()}, **operation["responses"]}
