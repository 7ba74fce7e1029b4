"""What a scenario is: a story played on the running product, and the workflows whose histories tell it."""

import secrets
import time
from collections.abc import Awaitable, Callable
from types import ModuleType
from typing import Any, NamedTuple

from temporalio.client import WorkflowHandle

from contracts.calls import RequestFacts
from contracts.names import RequestInput
from domain import ids
from domain.content import Text
from domain.request import Options
from tests.workflows.product import Product

Kept = dict[str, WorkflowHandle[Any, Any]]
"""The workflows to keep by what tells them apart, "" for the one that the scenario is about."""
Play = Callable[[Product], Awaitable[Kept]]


class Scenario(NamedTuple):
    """A story by name, the paths of the workflows it covers, and how to play it."""

    name: str
    covers: str
    play: Play


_all: list[tuple[str, Scenario]] = []
THREE_PARTS = "Summarise the moon. List three planets. Then compare them."


def scenario(covers: str) -> Callable[[Play], Play]:
    """Register a function under its name; `covers` says what it is recorded for."""

    def register(play: Play) -> Play:
        _all.append((play.__module__, Scenario(play.__name__, covers, play)))
        return play

    return register


def registered(*chapters: ModuleType) -> dict[str, Scenario]:
    """Return the scenarios of these modules by name."""
    names = {chapter.__name__ for chapter in chapters}
    return {entry.name: entry for module, entry in _all if module in names}


def by_hand(product: Product, message: str, options: Options | None = None, **fields: Any) -> RequestInput:
    """Return the input of a request that is started without the API."""
    facts = RequestFacts(
        request_id=ids.request_id(int(time.time() * 1000), secrets.randbits(80)),
        owner="local",
        message=Text.inline(message),
        options=(options or Options()).model_copy(update={"model": product.model}),
    )
    return RequestInput(facts=facts, **fields)


async def whole(product: Product, message: str, **options: Any) -> Kept:
    """Play a request from its start to its end."""
    return await ended(product, await product.submit(message, **options))


async def ended(product: Product, request_id: str) -> Kept:
    """Wait for a request's end and keep its history."""
    handle = product.handle(request_id)
    await handle.result()
    return {"": handle}
