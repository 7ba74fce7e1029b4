"""Parameters that many routes share: ids in the path, Idempotency-Key, names that users choose."""

from typing import Annotated, Final

from fastapi import Depends, Header, Path
from pydantic import Field

from api.problems import not_found
from domain.ids import REQUEST_ID, STEP_ID

_REQUEST_EXAMPLE = "req_01932f6e8a7b7c3d9e0f1a2b3c4d5e6f"

Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""A name of the user's own choosing: a user, a conversation."""

KEY_LIMIT: Final = 200
KEY_PATTERN: Final = r"^[\x21-\x7e]+$"

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=KEY_LIMIT,
        pattern=KEY_PATTERN,
        description="The same key with the same body gives the same answer; with another body 422.",
    ),
]


def check_request_id(request_id: str) -> None:
    """Return when a text has the form of a request's id.

    Raises:
        ApiProblem: 404: what is not an id is not found.
    """
    if not REQUEST_ID.match(request_id):
        raise not_found("request")


async def _request_id(request_id: Annotated[str, Path(examples=[_REQUEST_EXAMPLE])]) -> str:
    check_request_id(request_id)
    return request_id


async def _step_id(step_id: Annotated[str, Path(examples=["summarize"])]) -> str:
    if not STEP_ID.match(step_id):
        raise not_found("step")
    return step_id


RequestId = Annotated[str, Depends(_request_id)]
"""The request in the path; what is not an id is not found."""

StepId = Annotated[str, Depends(_step_id)]
"""The step in the path."""
