"""The named behaviours, and how one is chosen: `name`, or `name@stage` for one that fits several stages."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from simulators.mcp_server.turn import Turn
from simulators.model_provider.json_value import JsonObject


class Stage(StrEnum):
    """When a behaviour shows."""

    CONNECT = "connect"
    LIST = "list"
    CALL = "call"


class Reach(StrEnum):
    """Over which transport a behaviour can be had."""

    ANY = "any"
    HTTP = "http"
    STDIO = "stdio"


ANYWHERE = (Stage.CALL, Stage.LIST, Stage.CONNECT)

Run = Callable[[Turn], Awaitable[None]]
Rewrite = Callable[[Turn, JsonObject], JsonObject]


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One thing that the server can do wrong.

    Attributes:
        stages: When it can show; the first is taken when none is named. Empty: from the start of the process on.
        promise: What it does, in a sentence.
    """

    name: str
    stages: tuple[Stage, ...]
    reach: Reach
    run: Run
    promise: str


BEHAVIOURS: dict[str, Behaviour] = {}
"""All behaviours by name, filled by the modules of this package."""


def behaviour(
    *stages: Stage, reach: Reach = Reach.ANY, name: str | None = None, promise: str | None = None
) -> Callable[[Run], Run]:
    """Register a function that answers a turn in its own way."""

    def register(run: Run) -> Run:
        _add(Behaviour(name or run.__name__, stages, reach, run, promise or _first_line(run)))
        return run

    return register


def rewriting(stage: Stage, *methods: str) -> Callable[[Rewrite], Rewrite]:
    """Register a function that changes the honest result of some methods."""

    def register(rewrite: Rewrite) -> Rewrite:
        async def run(turn: Turn) -> None:
            answer = await turn.honest()
            if turn.method in methods and "result" in answer:
                answer = turn.answer(rewrite(turn, answer["result"]))
            await turn.wire.finish(answer)

        _add(Behaviour(rewrite.__name__, (stage,), Reach.ANY, run, _first_line(rewrite)))
        return rewrite

    return register


def chosen(label: str) -> tuple[Behaviour, Stage | None]:
    """Return the behaviour and the stage that `name` or `name@stage` means; None: from the start on.

    Raises:
        ValueError: There is no such behaviour, or it does not show at that stage.
    """
    name, _, stage = label.partition("@")
    found = BEHAVIOURS.get(name)
    if found is None:
        raise ValueError(f"no behaviour is named {name!r}")
    if not found.stages and not stage:
        return found, None
    if stage and stage not in found.stages:
        raise ValueError(f"{name} does not show at {stage!r}")
    return found, Stage(stage) if stage else found.stages[0]


def stage_of(method: str) -> Stage | None:
    """Return the stage that a message belongs to."""
    match method:
        case "initialize" | "server/discover":
            return Stage.CONNECT
        case "tools/list":
            return Stage.LIST
        case "tools/call" | "resources/read" | "prompts/get":
            return Stage.CALL
        case _:
            return None


def _add(found: Behaviour) -> None:
    if found.name in BEHAVIOURS:
        raise ValueError(f"two behaviours are named {found.name}")
    BEHAVIOURS[found.name] = found


def _first_line(function: Callable[..., object]) -> str:
    return (function.__doc__ or "").strip().partition("\n")[0]
