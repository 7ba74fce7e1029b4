"""The providers that these tests talk to."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from simulators.model_provider.settings import Settings
from tests.simulators.served import Provider, Serve, serve


@pytest.fixture(scope="session")
def provider_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("provider") / "log" / "calls.jsonl"


@pytest.fixture(scope="session")
def shared_provider(provider_log: Path) -> Iterator[Provider]:
    with serve(Settings(log_path=provider_log)) as provider:
        yield provider


@pytest.fixture
def provider(shared_provider: Provider) -> Provider:
    """A provider by the rules, without faults and with an empty memory."""
    shared_provider.reset()
    return shared_provider


@pytest.fixture
def serve_with() -> Iterator[Serve]:
    """Start a provider with other settings."""
    with ExitStack() as stack:
        yield lambda settings: stack.enter_context(serve(settings))
