"""What a server is known to refuse is remembered, within bounds."""

from typing import Any, cast

import pytest

from domain.errors import ModelRejected
from domain.model_pool import Dialect
from services.llm.adapters import concessions
from services.llm.adapters.concessions import Concession, Concessions
from services.llm.adapters.connections import Answer
from services.llm.chat import Target

WHERE = Target(Dialect.OPENAI, "http://127.0.0.1:1/v1")


class Refusing:
    """A server that takes terms from `enough` on."""

    def __init__(self, enough: int) -> None:
        self.enough = enough
        self.asked: list[int] = []

    async def ask(self, terms: int) -> Answer:
        self.asked.append(terms)
        return cast("Answer", _Refusal(200 if terms >= self.enough else 400))


class _Refusal:
    told: dict[str, str] = {}

    def __init__(self, status: int) -> None:
        self.status = status

    async def beginning(self, _limit: int) -> bytes:
        return b"{}"

    async def aclose(self) -> None:
        return


def another(terms: int, _complaint: bytes) -> Concession[int]:
    return Concession(terms + 1)


async def test_terms_are_remembered_for_one_model_of_one_server() -> None:
    known, server = Concessions(0), Refusing(2)
    for model in ("a", "a", "b"):
        await known.open(WHERE, model, server.ask, another)
    assert server.asked == [0, 1, 2, 2, 0, 1, 2]


async def test_what_concerned_one_request_is_forgotten() -> None:
    known, server = Concessions(0), Refusing(1)
    for _ in range(2):
        await known.open(WHERE, "a", server.ask, lambda terms, _: Concession(terms + 1, lasting=False))
    assert server.asked == [0, 1, 0, 1]


async def test_haggling_ends() -> None:
    server = Refusing(1000)
    with pytest.raises(ModelRejected):
        await Concessions(0).open(WHERE, "a", server.ask, another)
    assert len(server.asked) == concessions.MOST_CONCESSIONS + 1


async def test_only_so_many_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concessions, "_REMEMBERED", 2)
    known: Any = Concessions(0)
    server = Refusing(1)
    for model in "abcb":
        await known.open(WHERE, model, server.ask, another)
    assert server.asked == [0, 1, 0, 1, 0, 1, 1]
    await known.open(WHERE, "a", server.ask, another)
    assert server.asked[-2:] == [0, 1]
