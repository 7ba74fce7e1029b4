"""Asking in a milder way where a server refuses a request for its form: what it takes is remembered in this process.

A refused request cost nothing and did nothing, so that asking again in other words is no retry.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Generic, TypeVar

from domain.errors import ModelError
from services.llm.adapters import refusals
from services.llm.adapters.connections import Answer, translated
from services.llm.chat import Target

T = TypeVar("T")

MOST_CONCESSIONS = 6
_REFUSED = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY)
_REMEMBERED = 1024
"""Models on servers."""


@dataclass(frozen=True, slots=True)
class Concession(Generic[T]):
    """What to try instead. `lasting`: it is the model that wants it so, not this one request."""

    terms: T
    lasting: bool = True


class Concessions(Generic[T]):
    """The terms that each model of each server is known to take."""

    def __init__(self, usual: T) -> None:
        """Begin with the usual terms for everybody."""
        self._usual = usual
        self._known: dict[tuple[str, str], T] = {}

    async def open(
        self,
        target: Target,
        model: str,
        ask: Callable[[T], Awaitable[Answer]],
        milder: Callable[[T, bytes], Concession[T] | None],
    ) -> tuple[Answer, T]:
        """Ask until the server takes the request, and return its answer with the terms it took.

        Args:
            target: Where to.
            model: The provider's name of the model.
            ask: Sends the request on some terms.
            milder: What to try after a 400 or 422 with this body, None when the refusal is about something else.

        Raises:
            ModelError: The server refused for good.
        """
        place = (target.base_url, model)
        terms = self._known.get(place, self._usual)
        left = MOST_CONCESSIONS
        while True:
            answer = await ask(terms)
            if answer.status == HTTPStatus.OK:
                return answer, terms
            body = await refusal_of(answer)
            concession = milder(terms, body) if left and answer.status in _REFUSED else None
            if concession is None:
                raise refused(answer, body)
            terms, left = concession.terms, left - 1
            if concession.lasting:
                self._remember(place, terms)

    def _remember(self, place: tuple[str, str], terms: T) -> None:
        self._known[place] = terms
        while len(self._known) > _REMEMBERED:
            del self._known[next(iter(self._known))]


async def refusal_of(answer: Answer) -> bytes:
    """Return the beginning of a refusal's body, and close the answer."""
    try:
        with translated():
            return await answer.beginning(refusals.BODY_LIMIT)
    finally:
        await answer.aclose()


def refused(answer: Answer, body: bytes) -> ModelError:
    """Return the error that a refusal means."""
    return refusals.from_answer(refusals.HttpAnswer(answer.status, answer.told, body), datetime.now(UTC))
