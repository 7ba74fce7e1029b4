"""Whole requests that act through servers which nobody here wrote, known from an mcpServers file and not otherwise."""

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from runtime.settings import PROJECT_ROOT, Settings
from tests.integration.reference import SECRET, Site, check_installed, entries, git, new_repository, node_is_here, page
from tests.integration.served import offered, results, serving_file, step, told
from tests.workflows.product import Product
from tests.workflows.running import settings_of
from tests.workflows.test_tool_steps import TWO_PARTS, approval_of, decide
from tests.workflows.tool_server import as_json, plan

ANSWERED = ("tool.called", "tool.progress", "tool.finished")


@dataclass(frozen=True)
class World:
    """What the servers work on, and the product that knows them."""

    product: Product
    files: Path
    repository: Path


@pytest_asyncio.fixture(scope="module")
async def world(
    settings: Settings,
    own_database: str,
    temporal_address: str,
    simulator: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[World]:
    has_node = node_is_here()
    check_installed(PROJECT_ROOT, node=has_node)
    folder = tmp_path_factory.mktemp("reference")
    files, repository = folder / "files", new_repository(folder / "repository")
    files.mkdir()
    chosen = settings_of(settings, own_database, temporal_address, simulator)
    async with serving_file(chosen, folder, entries(files, repository, node=has_node)) as product:
        yield World(product, files, repository)


@pytest.fixture
def product(world: World, request: pytest.FixtureRequest) -> Product:
    """The product, with a model name of the test's own."""
    return world.product.with_model(f"longhaul-sim-{request.node.name}")


@pytest.fixture
def node() -> None:
    if not node_is_here():
        pytest.skip("no node and npm on the path: the servers written for Node cannot run")


@pytest.fixture
def site() -> Iterator[Site]:
    with page() as served:
        yield served


async def test_probe(product: Product, node: None) -> None:
    for name in ("time", "guarded", "fetch", "git", "everything", "files"):
        print(name, {key: (one.get("effect"), one.get("kind")) for key, one in (await offered(product, name)).items()})
        print(json.dumps((await product.api.get(f"/v1/tool-servers/{name}")).json())[:1500])
