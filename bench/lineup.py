"""The contenders of a run, each with processes of its own."""

import sys
from dataclasses import replace
from typing import Final, Literal

import httpx
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from bench.admin import VARIABLES
from bench.contender import Contender
from bench.ground import Ground
from bench.handwritten import Model, Shape
from bench.programs import HandWritten, Longhaul
from domain.placement import Placement
from runtime.local import ProcessSpec, programs
from runtime.local.ports import free_port
from runtime.local.provider import SIMULATED, SIMULATED_MODEL, Provider
from runtime.settings import PROJECT_ROOT, child_environment
from services.storage.migrate import migrate

Layout = Literal["one process", "apart"]

SHAPES: Final[tuple[Shape, ...]] = ("children", "activities", "local activities")
MODELS: Final[tuple[Model, ...]] = ("http", "instant")
LAYOUTS: Final[tuple[Layout, ...]] = ("one process", "apart")
PLACEMENTS: Final = (Placement.CHILD, Placement.AUTO)
_HOST: Final = "127.0.0.1"
_HAND_QUEUE: Final = "bench-handwritten"


async def hand_written(ground: Ground) -> list[Contender]:
    """Start the hand-written program's worker; all its shapes run in it."""
    argv = (sys.executable, "-m", "bench.handwritten_worker", ground.temporal, _HAND_QUEUE, ground.model_url)
    await ground.supervisor.start(
        ProcessSpec(name="handwritten", argv=argv, env=child_environment(ground.python), cwd=PROJECT_ROOT)
    )
    client = await Client.connect(ground.temporal)
    return [
        Contender(hand_name(shape, model), HandWritten(client, _HAND_QUEUE, shape, model), ("handwritten",))
        for shape in SHAPES
        for model in MODELS
    ]


async def longhaul(ground: Ground, layout: Layout, placement: Placement, http: httpx.AsyncClient) -> Contender:
    """Start Longhaul in a layout, on a database and a task queue of its own."""
    key = f"{layout.split()[0]}-{placement.value}"
    database = f"bench_{key.replace('-', '_')}"
    await ground.databases.create(database)
    await migrate(ground.databases.address(database))
    port = free_port()
    specs = _specs(layout, key, port, _variables(ground, database, placement) | {"LONGHAUL_API_PORT": str(port)})
    for spec in specs:
        await ground.supervisor.start(spec)
    client = await Client.connect(ground.temporal, data_converter=pydantic_data_converter)
    program = Longhaul(client, http, f"http://{_HOST}:{port}")
    return Contender(our_name(placement, layout), program, tuple(spec.name for spec in specs), database)


def hand_name(shape: Shape, model: Model) -> str:
    """What a shape of the hand-written program is called in tables."""
    return f"hand-written, {shape}, {model} model"


def our_name(placement: Placement, layout: Layout) -> str:
    """What a variant of ours is called in tables."""
    return f"Longhaul, placement {placement.value}, {layout}"


def _specs(layout: Layout, key: str, port: int, variables: dict[str, str]) -> tuple[ProcessSpec, ...]:
    server = programs.server(_HOST, port, variables)
    if layout == "one process":
        return (replace(server, name=f"server-{key}"),)
    api = replace(server, name=f"api-{key}", argv=(sys.executable, "-m", "api"))
    return api, replace(api, name=f"worker-{key}", argv=(sys.executable, "-m", "worker"), ports=())


def _variables(ground: Ground, database: str, placement: Placement) -> dict[str, str]:
    provider = Provider(ground.model_url, SIMULATED_MODEL, SIMULATED)
    return {
        **ground.python,
        **provider.variables,
        "DATABASE_URL": ground.databases.address(database),
        "TEMPORAL_ADDRESS": ground.temporal,
        "LONGHAUL_TASK_QUEUE": database,
        "LONGHAUL_PLACEMENT": placement.value,
        "LONGHAUL_LOG_LEVEL": "WARNING",
        **VARIABLES,
    }
