"""The running product, and a terminal with the `temporal` command."""

import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from runtime.settings import Settings
from tests.cli_only.command import Terminal
from tests.workflows.product import Product
from tests.workflows.running import running, settings_of


@pytest_asyncio.fixture(scope="session")
async def _running(
    settings: Settings, database_url: str, temporal_address: str, simulator: str
) -> AsyncIterator[Product]:
    async with running(settings_of(settings, database_url, temporal_address, simulator)) as product:
        yield product


@pytest_asyncio.fixture
async def product(_running: Product) -> Product:
    """The running product, with a model name of the test's own."""
    return _running.with_model(f"longhaul-sim-{secrets.token_hex(4)}")


@pytest.fixture(scope="session")
def terminal(settings: Settings, temporal_binary: Path, temporal_address: str, state_dir: Path) -> Terminal:
    """A shell where `temporal` is the command and the test's server its server."""
    folder = state_dir / "bin"
    folder.mkdir()
    (folder / "temporal").symlink_to(temporal_binary)
    return Terminal(folder, temporal_address, settings.temporal_namespace)
