"""Ids of the pool's objects in paths."""

from typing import Annotated

from fastapi import Depends, Path

from api.problems import invalid, not_found
from domain.model_pool import POOL_ID


async def _id(id_: Annotated[str, Path(alias="id", examples=["openai.main"])]) -> str:
    if not POOL_ID.match(id_):
        raise not_found("object")
    return id_


PoolIdOf = Annotated[str, Depends(_id)]
"""A route's parameter for the id in its path."""


def same_id(in_path: str, in_body: str, pointer: str = "/id") -> None:
    """Check that a body is of the object that the path names. Raises ApiProblem 422."""
    if in_path != in_body:
        raise invalid("id_mismatch", pointer, "the body names another object than the path")
