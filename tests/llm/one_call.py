"""One journaled call in a process of its own, for tests that kill it: database, model, request id."""

import asyncio
import sys

from services.llm.adapters.factory import open_adapters
from services.llm.caller import ModelCaller
from services.llm.pool.catalogue import Catalogue
from services.llm.pool.pool import ModelPool
from services.llm.prices import Prices
from services.storage.database import Database
from services.storage.event_writer import EventWriter
from services.storage.live import Live
from tests.llm.parts import assignment, chat_request, composing
from tests.llm.pooled import VAULT


async def main(database_url: str, model: str, request_id: str) -> None:
    """Make the call; the model is in the pool already."""
    db = Database(database_url)
    writer, catalogue = EventWriter(db), Catalogue(db, VAULT)
    await writer.start()
    await catalogue.refresh()
    pool = ModelPool(db, catalogue, Prices({}), "doomed")
    async with open_adapters() as adapters:
        caller = ModelCaller(db, writer, pool, adapters, Live())
        await caller.call(assignment(request_id), composing(chat_request(model, timeout_s=60)))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4]))
