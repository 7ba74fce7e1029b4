"""A web server on loopback that says which host it was asked for, and can redirect."""

from collections.abc import Iterator

import pytest

from tests.net.served import Served, serve


@pytest.fixture(scope="session")
def served() -> Iterator[Served]:
    with serve() as running:
        yield running
