"""The tables and goals of `make bench`'s tool part."""

import json
from collections.abc import Sequence
from pathlib import Path

from bench.report import BEGIN as OTHERS_BEGIN
from bench.report import END as OTHERS_END
from bench.tools.bare import BARE
from bench.tools.measuring import Result, Round
from bench.tools.ours import CONNECTION
from bench.tools.report import BEGIN, END, ToolReport
from bench.tools.steps import TOOL, WITHOUT
from bench.tools.way import Taken, Way, together


async def _never() -> float:
    raise AssertionError


def a_result(name: str, *p50_ms: float, loaded: Sequence[float] = ()) -> Result:
    """Return a way's result, with the medians of its rounds, and the seconds that 50 slow calls took together."""
    rounds = tuple(
        Round(
            alone=Taken(tuple([ms / 1000] * 40), wall_s=1.0, cpu_s=0.04),
            loaded=Taken(tuple([0.05] * 50), wall_s=0.5, cpu_s=0.1) if loaded else None,
            slow=Taken(tuple([loaded[number]] * 50), loaded[number]) if loaded else None,
        )
        for number, ms in enumerate(p50_ms)
    )
    return Result(Way(name, "http", _never), rounds)


def a_report() -> ToolReport:
    results = (
        a_result(BARE, 3, 4, 3, loaded=(0.55, 0.55, 0.55)),
        a_result(CONNECTION, 4, 5, 4, loaded=(0.6, 1.2, 0.6)),
        a_result(TOOL, 15, 25, 16),
        a_result(WITHOUT, 10, 19, 10),
    )
    return ToolReport("make bench", "2026-11-21", ("0.10, 0.10, 0.10", "1.00, 0.50, 0.20"), results)


def test_the_overhead_is_a_difference_within_a_round() -> None:
    without, bare, together_ms = a_report().verdicts()
    assert (round(without.value, 3), round(without.low, 3), round(without.high, 3)) == (6, 5, 6)
    assert without.says == "met"
    assert (round(bare.low), round(bare.high), bare.says) == (12, 21, "unsettled")
    assert (together_ms.value, together_ms.says) == (600, "unsettled")


def test_turns_of_a_round_count_as_one() -> None:
    taken = together([Taken((0.1, 0.2), 0.3, 0.1), Taken((0.6,), 0.6, 0.2)])
    assert (taken.p50_ms, round(taken.wall_s, 3), round(taken.cpu_ms, 3)) == (200, 0.9, 100)


def test_tool_figures_leave_the_other_figures_alone(tmp_path: Path) -> None:
    document = tmp_path / "benchmarks.md"
    others = f"{OTHERS_BEGIN}\nothers\n{OTHERS_END}\n"
    document.write_text(f"{others}between\n{BEGIN}\nold\n{END}\nafter\n")
    a_report().write_into(document)
    a_report().write_into(document)
    text = document.read_text()
    assert text.startswith(f"{others}between\n{BEGIN}\n`make bench`, 2026-11-21, 3 rounds.")
    assert text.endswith(f"{END}\nafter\n")
    assert "old" not in text
    assert text.count("### Goals of tool calls") == 1
    assert "| bare SDK call | http | 3.0 | 3.0 to 4.0 | 4.0 | 1.0 | 120 |" in text
    assert "| bare SDK call | http | 100 | 100 to 100 | 50 | 50 | 2.0 | 550 |" in text


def test_results_are_written(tmp_path: Path) -> None:
    a_report().write_json(tmp_path / "evidence" / "tools.json")
    written = json.loads((tmp_path / "evidence" / "tools.json").read_text())
    assert [way["name"] for way in written["ways"]] == [BARE, CONNECTION, TOOL, WITHOUT]
    assert written["verdicts"][0]["says"] == "met"
