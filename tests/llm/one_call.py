"""A process that makes one call and is killed in the middle: `python -m tests.llm.one_call DATABASE BASE MODEL ID`."""

import asyncio
import sys

from services.llm.caller import ModelCaller
from services.llm.openai_chat import OpenAIChat, Provider
from services.llm.prices import Prices
from services.storage.database import Database
from services.storage.event_writer import EventWriter
from tests.llm.parts import PRICE, assignment, chat_request, composing


async def main(database_url: str, base_url: str, model: str, request_id: str) -> None:
    """Call, and wait to be killed."""
    db = Database(database_url)
    writer = EventWriter(db)
    await writer.start()
    async with OpenAIChat(Provider(base_url)) as chat:
        caller = ModelCaller(db, writer, chat, Prices({model: PRICE}))
        await caller.call(assignment(request_id), composing(chat_request(model, timeout_s=60)))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
