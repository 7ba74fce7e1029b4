"""Servers whose results lie, flood, ask, or break the tool's own schema."""

import pytest

from domain.errors import ToolError, ToolFailed
from services.tools.client.answers import Answer, Progress
from simulators.mcp_server.behaviours import BEHAVIOURS, Reach, Stage
from simulators.mcp_server.behaviours.floods import FLOOD
from simulators.mcp_server.behaviours.schemas import CATASTROPHIC
from simulators.mcp_server.offers import TOOLS, schema
from simulators.model_provider.json_value import JsonObject
from tests.tools.hostile.arena import TEXT, Arena
from tests.tools.hostile.outcomes import (
    BROKEN,
    FAILED,
    FINE,
    LOST,
    QUESTION,
    TOO_LARGE,
    UNUSABLE,
    Fails,
    Gives,
    Outcome,
)

ECHOED: JsonObject = TOOLS[0]["outputSchema"]
HIDDEN = ("\x1b", "\0", "\u202e", "\u200b", "\U000e0041")


def _marked(answer: Answer) -> bool:
    return "contract_violation" in answer.marks


def _clean(answer: Answer) -> bool:
    return not any(hidden in answer.text for hidden in HIDDEN) and "hidden_characters_removed" in answer.marks


def _storable(answer: Answer) -> bool:
    return len(answer.model_dump_json().encode("utf-8")) > 0


ECHO_IS_HONEST = Gives(lambda answer: answer.structured == {"text": TEXT})
RESULTS: dict[str, Outcome] = {
    "error_without_flag": FAILED,
    "flag_without_error": FAILED,
    "error_orders": FAILED,
    "huge_error": TOO_LARGE,
    "structured_against_schema": Gives(_marked),
    "structured_missing": Gives(_marked),
    "structured_differs": Gives(lambda answer: answer.structured == {"text": TEXT}),
    "wrong_call_result": BROKEN,
    "lone_surrogate": Gives(_storable),
    "nul_in_text": Gives(_clean),
    "control_characters": Gives(_clean),
    "unknown_block": BROKEN,
    "broken_image": Gives(lambda answer: "%%%" not in answer.text),
    "link_to_private": FINE,
    "answer_orders": FINE,
    "springs_regex_bomb": FINE,
    "progress_flood": ECHO_IS_HONEST,
    "large_progress": ECHO_IS_HONEST,
    "odd_progress": ECHO_IS_HONEST,
    "log_flood": ECHO_IS_HONEST,
    "change_flood": ECHO_IS_HONEST,
    "unknown_flood": ECHO_IS_HONEST,
    "cancels_the_call": LOST,
    "asks_for_sample": ECHO_IS_HONEST,
    "asks_user": ECHO_IS_HONEST,
    "asks_for_roots": ECHO_IS_HONEST,
    "asks_unknown": ECHO_IS_HONEST,
    "asks_and_waits": LOST,
    "needs_input": QUESTION,
    "needs_nothing": QUESTION,
    "forgets_session": ECHO_IS_HONEST,
}
MODERN: dict[str, Outcome] = RESULTS | {
    "structured_list": Gives(_marked),
    "forgets_session": Fails((ToolError,), maybe=False),
}
LEGACY: dict[str, Outcome] = {name: outcome for name, outcome in RESULTS.items() if not name.endswith("flood")} | {
    "structured_list": UNUSABLE,
    "needs_input": UNUSABLE,
    "needs_nothing": UNUSABLE,
}
ELSEWHERE = frozenset({"many_blocks", "ping_flood", "unknown_result_type"})
LONGER_S = {name: 12.0 for name in RESULTS if name.endswith(("flood", "progress"))}


def test_every_behaviour_of_calls_is_in_a_table() -> None:
    calls = {one.name for one in BEHAVIOURS.values() if one.stages == (Stage.CALL,) and one.reach is not Reach.STDIO}
    writes = {name for name in calls if name.startswith("write_")}
    assert calls - writes - ELSEWHERE == set(MODERN)


@pytest.mark.parametrize("name", MODERN)
async def test_a_lying_result_is_seen_through(arena: Arena, name: str) -> None:
    server = arena.server(name)
    attempt = await arena.call(server, patience_s=LONGER_S.get(name, 1.0), output_schema=ECHOED)
    assert MODERN[name].problem(attempt) is None
    assert await arena.times_called(server) == 1
    assert await arena.told(server, "writes") == []


@pytest.mark.parametrize("name", LEGACY)
async def test_a_lying_result_of_an_older_server_is_seen_through(arena: Arena, name: str) -> None:
    server = arena.server(f"{name}+legacy+sessions")
    attempt = await arena.call(server, patience_s=LONGER_S.get(name, 1.0), output_schema=ECHOED)
    assert LEGACY[name].problem(attempt) is None
    assert await arena.times_called(server) == (2 if name == "forgets_session" else 1)


async def test_questions_of_an_older_server_are_refused_and_nothing_is_told(arena: Arena) -> None:
    for name in ("asks_for_sample", "asks_user", "asks_for_roots", "asks_unknown"):
        server = arena.server(f"{name}+legacy+sessions")
        await arena.call(server)
        messages = [call["message"] for call in await arena.told(server, "calls")]
        replies = [message for message in messages if message.get("id") == "q1"]
        assert [reply for reply in replies if "result" in reply] == [], name


async def test_a_flood_of_pings_ends_in_time(arena: Arena) -> None:
    problem = Fails(LOST.kinds).problem(await arena.call(arena.server("ping_flood"), patience_s=1.0))
    assert problem is None


async def test_a_result_of_an_unknown_kind_is_no_success(arena: Arena) -> None:
    assert BROKEN.problem(await arena.call(arena.server("unknown_result_type"))) is None


async def test_an_answer_of_very_many_blocks_holds_up_nobody(arena: Arena) -> None:
    async with arena.beside() as watch:
        attempt = await arena.call(arena.server("many_blocks"), patience_s=8.0)
    assert (TOO_LARGE.problem(attempt) is None) or FINE.problem(attempt) is None
    assert watch.slowest_s < 0.5


async def test_progress_is_bounded_and_what_is_odd_is_left_out(arena: Arena) -> None:
    told: list[Progress] = []
    await arena.call(arena.server("large_progress"), patience_s=8.0, on_progress=told.append)
    assert all(len(one.message or "") <= 500 for one in told)
    told.clear()
    await arena.call(arena.server("odd_progress"), on_progress=told.append)
    assert all(isinstance(one.progress, float) for one in told)
    told.clear()
    await arena.call(arena.server("progress_flood"), patience_s=12.0, on_progress=told.append)
    assert len(told) <= FLOOD


async def test_a_catastrophic_expression_does_not_hold_up_the_check_of_an_answer(arena: Arena) -> None:
    bomb = schema(("text",), text={"type": "string", "pattern": CATASTROPHIC})
    attempt = await arena.call(arena.server("springs_regex_bomb"), output_schema=bomb)
    assert "contract_violation" in attempt.answer.marks


async def test_orders_in_an_answer_are_data(arena: Arena) -> None:
    attempt = await arena.call(arena.server("error_orders"))
    assert isinstance(attempt.error, ToolFailed)
    assert len(str(attempt.error)) < 5000
