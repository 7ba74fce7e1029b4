"""Servers whose lists are wrong, endless, or traps."""

import json
from collections.abc import Callable

import pytest

from domain.errors import ToolError
from domain.tools import CAPABILITIES_LIMIT, DESCRIPTION_LIMIT, NAME_LIMIT, SCHEMA_LIMIT, Effect, effect_of, fingerprint
from services.tools.client.listing import Listing
from services.tools.client.schemas import violations
from simulators.mcp_server.behaviours import BEHAVIOURS, Stage
from simulators.mcp_server.behaviours.schemas import VICTIM
from tests.tools.hostile.arena import Arena

HONEST = {"add", "note_create", "note_list", "note_delete_all", "slow", "fail"}
"""The tools that no behaviour below touches, beside `echo`."""


def _names(listing: Listing) -> list[str]:
    return [one.name for one in listing.capabilities if one.kind.value == "tool"]


def _whole(listing: Listing) -> bool:
    return {"echo", *HONEST} <= set(_names(listing))


def _without_trap(listing: Listing) -> bool:
    return set(_names(listing)) == {"echo", *HONEST} and len(listing.refused) == 1


def _without_echo(listing: Listing) -> bool:
    return set(_names(listing)) == HONEST and [name for name, _ in listing.refused] == ["echo"]


def _noted(listing: Listing) -> bool:
    return bool(listing.notes)


def _empty(listing: Listing) -> bool:
    return _names(listing) == []


LISTS: dict[str, Callable[[Listing], bool]] = {
    "wrong_list_result": _empty,
    "one_bad_tool": lambda listing: _whole(listing) and [name for name, _ in listing.refused] == ["broken"],
    "duplicate_tools": lambda listing: _empty(listing) and len(listing.refused) == len(HONEST) + 1,
    "ten_thousand_tools": lambda listing: len(listing.capabilities) == CAPABILITIES_LIMIT and _noted(listing),
    "same_cursor": _noted,
    "fresh_cursors": _noted,
    "empty_pages": _noted,
    "no_tools": _empty,
    "description_changes": _whole,
    "schema_changes": _whole,
    "list_shrinks": lambda listing: len(_names(listing)) == 12,
    "annotations_lie": _whole,
    "annotations_odd": _whole,
    "shadows_another": lambda listing: "jira_create_issue" in _names(listing),
    "path_name": lambda listing: set(_names(listing)) >= HONEST,
    "upper_name": _whole,
    **{
        f"{kind}_name": _without_trap
        for kind in (
            "hidden", "turned", "look_alike", "nul", "surrogate", "long", "empty", "blank", "template", "markup",
            "header",
        )
    },
    "description_orders": _whole,
    "hidden_orders": lambda listing: _whole(listing) and "\U000e0049" not in listing.model_dump_json(),
    "fence_breaker": _whole,
    "schema_orders": _whole,
    "title_orders": _whole,
    "huge_description": _whole,
    "regex_bomb": _whole,
    "output_regex_bomb": _whole,
    "remote_reference": _without_echo,
    "file_reference": _without_echo,
    "dangling_reference": _without_echo,
    "circular_reference": lambda listing: set(_names(listing)) >= HONEST,
    "doubling_references": lambda listing: set(_names(listing)) >= HONEST,
    "huge_enum": _without_echo,
    "impossible_schema": _without_echo,
    "schema_of_no_object": lambda listing: set(_names(listing)) >= HONEST,
    "contradictory_schema": _whole,
}  # fmt: skip
FAILING = frozenset({"tools_no_list", "deep_schema"})


def test_every_behaviour_of_lists_is_in_a_table() -> None:
    assert {one.name for one in BEHAVIOURS.values() if one.stages == (Stage.LIST,)} == {*LISTS, *FAILING}


@pytest.mark.parametrize("options", ["", "+legacy+sessions"], ids=["modern", "legacy"])
@pytest.mark.parametrize("name", LISTS)
async def test_a_hostile_list_is_read_within_bounds(arena: Arena, name: str, options: str) -> None:
    server = arena.server(name + options)
    listing = (await arena.listing(server)).listing
    assert LISTS[name](listing), (listing.notes, listing.refused)
    assert await arena.told(server, "fetches") == []
    for capability in listing.capabilities:
        assert 0 < len(capability.name) <= NAME_LIMIT
        assert len(capability.description) <= DESCRIPTION_LIMIT
        assert len(json.dumps(capability.input_schema)) <= SCHEMA_LIMIT
        fingerprint(capability).encode()
        capability.model_dump_json().encode()


@pytest.mark.parametrize("name", sorted(FAILING))
async def test_a_list_that_is_none_is_a_typed_error(arena: Arena, name: str) -> None:
    assert isinstance((await arena.listing(arena.server(name))).error, ToolError)


@pytest.mark.parametrize(
    "name",
    [
        "regex_bomb",
        "circular_reference",
        "doubling_references",
        "contradictory_schema",
        "schema_of_no_object",
        "schema_orders",
    ],
)
async def test_arguments_are_checked_against_a_hostile_schema_in_time(arena: Arena, name: str) -> None:
    listing = (await arena.listing(arena.server(name))).listing
    echo = next(one for one in listing.capabilities if one.name == "echo")
    assert echo.input_schema is not None
    problems = violations(echo.input_schema, {"text": VICTIM})
    assert bool(problems) is (name in {"regex_bomb", "contradictory_schema", "schema_of_no_object"})


async def test_annotations_of_a_server_that_is_not_trusted_count_for_nothing(arena: Arena) -> None:
    listing = (await arena.listing(arena.server("annotations_lie"))).listing
    effects = {one.name: effect_of(one, trusted=False) for one in listing.capabilities if one.name in HONEST}
    assert set(effects.values()) == {Effect.WRITE}


async def test_odd_annotations_make_no_tool_a_reading_one(arena: Arena) -> None:
    listing = (await arena.listing(arena.server("annotations_odd"))).listing
    write = next(one for one in listing.capabilities if one.name == "note_create")
    assert effect_of(write, trusted=True) is Effect.DESTRUCTIVE


@pytest.mark.parametrize(
    ("name", "field"), [("description_changes", "description"), ("schema_changes", "input_schema")]
)
async def test_a_change_shows_in_the_fingerprint(arena: Arena, name: str, field: str) -> None:
    server = arena.server(name)
    seen = [(await arena.listing(server)).listing for _ in range(3)]
    notes = [next(one for one in listing.capabilities if one.name == "note_create") for listing in seen]
    prints = [fingerprint(one) for one in notes]
    assert prints[0] != prints[1] == prints[2]
    assert getattr(notes[0], field) != getattr(notes[1], field)


async def test_a_list_that_shrinks_is_told_as_it_is(arena: Arena) -> None:
    server = arena.server("list_shrinks")
    assert [len(_names((await arena.listing(server)).listing)) for _ in range(3)] == [12, 4, 12]
