from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from runtime.local import atlassian
from runtime.local.tool_environments import search_path
from runtime.settings import PROJECT_ROOT
from simulators.atlassian.settings import Settings
from tests.simulators.atlassian.driven import Driven
from tests.simulators.atlassian.served import READ_ONLY, TOKEN, Site, serve


@pytest.fixture(scope="session")
def write_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("atlassian") / "log" / "writes.jsonl"


@pytest.fixture(scope="session")
def shared_site(write_log: Path) -> Iterator[Site]:
    tokens = frozenset({TOKEN, atlassian.TOKEN})
    with serve(Settings(log_path=write_log, tokens=tokens, read_only_tokens=frozenset({READ_ONLY}))) as site:
        yield site


@pytest.fixture
def site(shared_site: Site) -> Site:
    """A site as it was seeded, without faults."""
    shared_site.reset()
    return shared_site


@pytest.fixture(scope="session")
def mcp_atlassian() -> Path:
    """The real server's command."""
    found = [folder / "mcp-atlassian" for folder in search_path(PROJECT_ROOT) if (folder / "mcp-atlassian").exists()]
    if not found:
        pytest.skip("mcp-atlassian is not installed: make tool-servers")
    return found[0]


@pytest_asyncio.fixture(scope="session")
async def shared_tools(shared_site: Site, mcp_atlassian: Path) -> AsyncIterator[Driven]:
    async with Driven.of(mcp_atlassian, atlassian.simulated_servers(shared_site.port)) as driven:
        yield driven


@pytest.fixture
def tools(shared_tools: Driven, site: Site) -> Driven:
    """The real server, before a site as it was seeded."""
    assert site.port
    return shared_tools
