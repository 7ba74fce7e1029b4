"""What planners see of the tools: only what may be used, the best first, clean and short."""

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from domain.documents import ToolOffer
from domain.tools import ActionType, Capability, CapabilityKind, Effect
from services.storage.database import Database
from services.tools.registry.offers import OFFERS, SCHEMA_BYTES, SHOWN_CHARS, TOTAL_BYTES, offers
from tests.tools.shelf import Shelf, tool

TEXT = {"type": "string"}


@pytest_asyncio.fixture
async def shelf(database_url: str) -> AsyncIterator[Shelf]:
    db = Database(database_url)
    yield Shelf(db)
    await db.close()


async def shown(shelf: Shelf, query: str = "find a note", servers: tuple[str, ...] | None = None) -> list[ToolOffer]:
    return list(await offers(shelf.db, shelf.owner, servers, query))


def names(found: list[ToolOffer]) -> list[str]:
    return [item.mcp_action_name for item in found]


async def test_no_server_offers_nothing(shelf: Shelf) -> None:
    assert await shown(shelf) == []


async def test_only_what_may_be_used_now_is_offered(shelf: Shelf) -> None:
    server, closed = await shelf.server(), await shelf.server(disabled=True)
    await shelf.put(server, tool("note_find"))
    await shelf.put(server, tool("note_waits"), approved=False)
    await shelf.put(server, tool("note_gone"), present=False)
    await shelf.put(closed, tool("note_closed"))
    assert names(await shown(shelf)) == ["note_find"]
    assert await offers(shelf.db, "somebody else", None, "find a note") == ()


async def test_a_request_sees_only_the_servers_it_chose(shelf: Shelf) -> None:
    one, two = await shelf.server(), await shelf.server()
    await shelf.put(one, tool("note_find"))
    await shelf.put(two, tool("note_find"))
    assert [item.mcp_target_server_id for item in await shown(shelf, servers=(two,))] == [two]
    assert await shown(shelf, servers=()) == []


async def test_the_best_of_many_come_first_and_reads_beside_writes(shelf: Shelf) -> None:
    server = await shelf.server()
    await shelf.put(server, *(tool(f"widget_{number}", "Turns a widget.") for number in range(40)))
    await shelf.put(server, tool("note_create", "Creates a note."), tool("note_search", "Finds notes.", reads=True))
    found = await shown(shelf, "Write a note about owls")
    assert len(found) == OFFERS
    assert names(found)[:2] == ["note_create", "note_search"]
    assert [item.effect for item in found][:2] == [Effect.DESTRUCTIVE, Effect.READ]


async def test_a_stranger_server_only_writes(shelf: Shelf) -> None:
    server = await shelf.server(trusted=False)
    await shelf.put(server, tool("note_search", reads=True))
    assert [item.effect for item in await shown(shelf)] == [Effect.WRITE]


@pytest.mark.parametrize(
    ("kind", "name", "action"),
    [
        (CapabilityKind.RESOURCE, "notes://all", ActionType.RESOURCE),
        (CapabilityKind.RESOURCE_TEMPLATE, "notes://{id}", ActionType.RESOURCE),
        (CapabilityKind.PROMPT, "note_prompt", ActionType.PROMPT),
    ],
)
async def test_resources_and_prompts_are_offered_too(
    shelf: Shelf, kind: CapabilityKind, name: str, action: ActionType
) -> None:
    server = await shelf.server()
    await shelf.put(server, Capability(kind=kind, name=name, title="Notes"))
    (found,) = await shown(shelf)
    assert (found.mcp_action_type, found.mcp_action_name, found.effect) == (action, name, Effect.READ)
    assert (found.description, found.input_schema) == ("Notes", None)


async def test_texts_are_cut_and_free_of_hidden_characters(shelf: Shelf) -> None:
    server = await shelf.server()
    hidden = "\U000e0041\u200b"
    field = {"type": "string", "description": f"the{hidden} text"}
    await shelf.put(server, tool("note_find", f"Finds{hidden} notes. " + "x" * 20_000, {f"text{hidden}": field}))
    await shelf.put(server, tool(f"note{hidden}_find"))
    (found,) = await shown(shelf)
    assert found.description.startswith("Finds notes. xxx")
    assert len(found.description) == SHOWN_CHARS
    assert found.input_schema is not None
    assert found.input_schema["properties"] == {"text": {"type": "string", "description": "the text"}}


async def test_a_large_schema_is_shown_without_words_or_not_at_all(shelf: Shelf) -> None:
    server = await shelf.server()
    wordy = {f"f{number}": {"type": "string", "description": "word " * 50} for number in range(30)}
    huge = {f"f{number}_{'x' * 50}": TEXT for number in range(200)}
    await shelf.put(server, tool("note_find", "", wordy), tool("note_find_more", "", huge))
    found = {item.mcp_action_name: item for item in await shown(shelf)}
    schema = found["note_find"].input_schema
    assert schema is not None
    assert schema["properties"]["f7"] == TEXT
    assert len(json.dumps(schema)) <= SCHEMA_BYTES
    assert found["note_find_more"].input_schema is None


async def test_a_schema_of_a_hundred_levels_is_shown_as_far_as_it_goes(shelf: Shelf) -> None:
    server = await shelf.server()
    deep: object = TEXT
    for _ in range(150):
        deep = [deep]
    await shelf.put(server, tool("note_find", "", {"text": {"type": "string", "examples": deep}}))
    (found,) = await shown(shelf)
    assert found.input_schema is not None


async def test_all_offers_together_have_a_bound(shelf: Shelf) -> None:
    server = await shelf.server()
    field = {"type": "string", "description": "界" * 1200}
    await shelf.put(server, *(tool(f"note_find_{number}", "界" * 600, {"text": field}) for number in range(12)))
    found = await shown(shelf)
    sizes = [len(item.model_dump_json().encode()) for item in found]
    assert len(found) == OFFERS
    assert sum(sizes) <= TOTAL_BYTES
    assert found[0].input_schema is not None
    assert found[-1].input_schema is None


async def test_what_does_not_fit_even_so_is_left_out(shelf: Shelf) -> None:
    server = await shelf.server()
    await shelf.put(server, *(tool(f"note_find_{number}", "界" * 600) for number in range(60)))
    found = await offers(shelf.db, shelf.owner, None, "find a note", limit=60)
    assert 20 < len(found) < 60
