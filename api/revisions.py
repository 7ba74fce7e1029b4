"""Revisions of objects over HTTP: told as ETag, and expected by If-Match or in the body."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Response

from api.acting import ByOf
from api.problems import ApiProblem
from domain.revisions import StaleRevision
from services.storage.audit import By

_TAG = re.compile(r'^(?:W/)?"([0-9]{1,9})"\Z')


@dataclass(frozen=True)
class Change:
    """Who changes an object, and which revision of it. `demanded`: by If-Match; None: it says none."""

    by: By
    demanded: int | None = None

    @contextmanager
    def expecting(self, in_body: int | None = None) -> Iterator[int | None]:
        """Give the revision that must be found; None: whichever.

        Raises:
            ApiProblem: 412 when If-Match demanded another; without If-Match the 409 of the block passes.
        """
        try:
            yield in_body if self.demanded is None else self.demanded
        except StaleRevision as error:
            if self.demanded is None:
                raise
            raise ApiProblem(412, "precondition_failed", str(error)) from None


async def _change(
    by: ByOf, if_match: Annotated[str | None, Header(description='The ETag, such as `"3"`.')] = None
) -> Change:
    if if_match is None or if_match.strip() == "*":
        return Change(by)
    found = _TAG.match(if_match.strip())
    if found is None:
        raise ApiProblem(400, "bad_if_match", "If-Match is not an ETag of this API")
    return Change(by, int(found[1]))


ChangeOf = Annotated[Change, Depends(_change)]
"""A route's parameter for who changes which revision."""


def tag(response: Response, revision: int) -> None:
    """Tell a revision."""
    response.headers["ETag"] = f'"{revision}"'
