"""Servers that break bytes, HTTP, JSON or JSON-RPC: every call ends in time, with an error that says what is known.

The servers of a table are used at the same time, over the same connections.
"""

import pytest

from domain.errors import ToolAuthNeeded, ToolUnavailable
from simulators.mcp_server.behaviours import BEHAVIOURS, Reach
from tests.tools.hostile.arena import PATIENCE_S, Arena
from tests.tools.hostile.outcomes import LOST, UNGREETED, Fails, Gives, Outcome
from tests.tools.hostile.wire_rows import TABLES, WIRE

TABLE = pytest.mark.parametrize("table", TABLES)
ASKED_AGAIN = frozenset({"redirect_in_circles", "http_404"})
"""What honest servers answer when they have done nothing: a redirect within the server, an unknown session."""
HALTING = "endless_informational"
SIGN_IN = frozenset({"http_401", "http_401_metadata_elsewhere", "http_403"})


def _patience_s(table: str) -> float:
    """Return how long a table's servers are given: what is large is made slowly and travels slowly."""
    return 8.0 if table == "sizes" else PATIENCE_S


def test_every_behaviour_of_the_wire_is_in_a_table() -> None:
    several = {one.name for one in BEHAVIOURS.values() if len(one.stages) > 1 and one.reach is not Reach.STDIO}
    assert several == {*WIRE, HALTING}


@TABLE
@pytest.mark.parametrize("options", ["", "+legacy+sessions"], ids=["modern", "legacy"])
async def test_a_broken_answer_to_a_write_is_a_typed_error(arena: Arena, table: str, options: str) -> None:
    servers = {name: arena.server(f"{name}@call{options}") for name in TABLES[table]}
    got = await arena.call_all(servers, "note_create", _patience_s(table))
    problems = {name: TABLES[table][name].problem(attempt) for name, attempt in got.items()}
    assert {name: problem for name, problem in problems.items() if problem} == {}
    called = {name: await arena.times_called(server) for name, server in servers.items()}
    assert {name: times for name, times in called.items() if times != 1 and name not in ASKED_AGAIN} == {}
    assert await _fetched(arena, table, "call" + options) == []


@TABLE
async def test_a_broken_list_is_a_typed_error(arena: Arena, table: str) -> None:
    got = await arena.list_all({name: arena.server(f"{name}@list") for name in TABLES[table]})
    problems = {name: _of_list(name).problem(attempt) for name, attempt in got.items()}
    assert {name: problem for name, problem in problems.items() if problem} == {}
    assert await _fetched(arena, table, "list") == []


@TABLE
async def test_a_broken_greeting_is_a_typed_error_and_nothing_has_happened(arena: Arena, table: str) -> None:
    servers = {name: arena.server(f"{name}@connect") for name in TABLES[table]}
    got = await arena.call_all(servers, "note_create", max(3.0, _patience_s(table)))
    problems = {name: _of_greeting(name).problem(attempt) for name, attempt in got.items()}
    assert {name: problem for name, problem in problems.items() if problem} == {}
    called = {name: await arena.times_called(server) for name, server in servers.items()}
    assert {name for name, times in called.items() if times} == {name for name in servers if _is_fine(name)}
    assert await _fetched(arena, table, "connect") == []


async def test_a_flood_of_early_hints_ends_in_time(arena: Arena) -> None:
    attempt = await arena.call(arena.server(f"{HALTING}@call"), "note_create", patience_s=1.0)
    assert LOST.problem(attempt) is None


@pytest.mark.parametrize("stage", ["connect", "list", "call"])
async def test_a_server_cannot_send_us_away_for_a_century(arena: Arena, stage: str) -> None:
    server = arena.server(f"http_429_for_a_century@{stage}")
    attempt = await (arena.listing(server) if stage == "list" else arena.call(server))
    assert isinstance(attempt.error, ToolUnavailable)
    assert attempt.error.retry_after_s is None or attempt.error.retry_after_s <= 300


async def test_a_call_that_was_given_up_is_not_resumed_behind_our_back(arena: Arena) -> None:
    server = arena.server("resumes_for_ever@call+legacy+sessions")
    assert isinstance((await arena.call(server)).error, ToolUnavailable)
    before = len(await arena.told(server, "fetches"))
    await arena.call(arena.server("never_answers@call"))  # a while
    assert len(await arena.told(server, "fetches")) - before <= 5


def _is_fine(name: str) -> bool:
    return isinstance(WIRE[name], Gives)


def _of_list(name: str) -> Outcome:
    """Return what reading a list comes to; servers that declare a list and lack its method are common."""
    expected = WIRE[name]
    if isinstance(expected, Gives) or name == "error_method_not_found":
        return Gives()
    return Fails(expected.kinds)


def _of_greeting(name: str) -> Outcome:
    expected = WIRE[name]
    if isinstance(expected, Gives):
        return expected
    return Fails((ToolAuthNeeded,) if name in SIGN_IN else (*expected.kinds, *UNGREETED.kinds), maybe=False)


async def _fetched(arena: Arena, table: str, stage: str) -> list[str]:
    """Return the servers that were asked for what nobody has a reason to ask for."""
    names = [name for name in TABLES[table] if name != "resumes_for_ever"]
    return [name for name in names if await arena.told(arena.server(f"{name}@{stage}"), "fetches")]
