"""The whole product, and everybody who calls it in the matrix."""

from collections.abc import AsyncIterator

import pytest_asyncio

from runtime.settings import Settings
from tests.api.access.world import World
from tests.api.gateway.sdk import Gateway, without_any_model
from tests.identity.people import People
from tests.integration.served import new_database
from tests.keys import VAULT
from tests.workflows.running import running, settings_of


@pytest_asyncio.fixture(scope="session")
async def world(settings: Settings, database_url: str, temporal_address: str, simulator: str) -> AsyncIterator[World]:
    """The product over a database of its own: what the matrix makes there is seen by no other test."""
    own = settings_of(settings, await new_database(database_url), temporal_address, simulator)
    async with running(own) as product:
        assert product.services is not None
        people = People(product.services.db, VAULT)
        await without_any_model(product)
        made = World(product.with_model(await Gateway(product).model()), people)
        await made.settle()
        yield made
        await made.close()
        await people.close()
