"""The figures, the goals and the document that `make bench` writes."""

import json
from pathlib import Path

import pytest

from bench import plot
from bench.contender import ITEMS, Sample
from bench.databases import Counts
from bench.figures import Result, Round, Verdict
from bench.histories import Footprint
from bench.lineup import hand_name, our_name
from bench.measuring import QUICK
from bench.passes import Passed
from bench.report import BEGIN, END, Report
from domain.placement import Placement

FOOTPRINT = Footprint(
    events=60, bytes=10 * 1024, workflow_tasks=5, transitions=20, workflows=1, all_events=60, all_bytes=10 * 1024
)


def a_round(p50_ms: float, per_s: float) -> Round:
    return Round(p50_ms, p50_ms, 10.0, per_s, p50_ms, {"temporal": 5.0, "server": 7.0}, 0.1)


def a_report() -> Report:
    theirs = Result(hand_name("children", "http"), (a_round(300, 5), a_round(600, 2), a_round(300, 5)), FOOTPRINT)
    ours = Result(
        our_name(Placement.AUTO, "one process"),
        (a_round(90, 15), a_round(180, 6), a_round(150, 10)),
        FOOTPRINT,
        own_database=Counts(commits=16, rows=40),
    )
    return Report("make bench", "2026-11-21", {"processor": "two cores"}, QUICK, (theirs, ours))


def test_a_round_sums_up_its_two_passes() -> None:
    samples = tuple(Sample(f"w{number}", 0.01, number / 100) for number in range(1, 6))
    found = Round.of(Passed(samples, 1.0), Passed(samples, 2.5), {"server": 0.5}, 1.0)
    assert (found.p50_ms, found.p95_ms, found.accepted_ms) == (30.0, 50.0, 10.0)
    assert (found.per_s, found.cpu_ms, found.others) == (2.0, {"server": 100.0}, 0.4)


def test_goals_compare_rounds_in_pairs() -> None:
    p50, per_s, processor, *bounds = a_report().verdicts()
    assert (p50.value, p50.low, p50.high) == (0.3, 0.3, 0.5)
    assert (per_s.value, per_s.low, per_s.high) == (3.0, 2.0, 3.0)
    assert (processor.value, processor.says) == (1.0, "not met")
    assert [bound.says for bound in bounds] == ["met", "met", "met"]
    assert bounds[1].value == FOOTPRINT.events / len(ITEMS)


def test_a_goal_that_some_rounds_reach_and_others_miss_is_unsettled() -> None:
    p50, per_s, *_ = a_report().verdicts()
    assert (p50.says, per_s.says) == ("unsettled", "unsettled")


@pytest.mark.parametrize(
    ("low", "high", "at_most", "says"),
    [
        (0.7, 0.79, True, "met"),
        (0.81, 0.9, True, "not met"),
        (0.7, 0.9, True, "unsettled"),
        (0.81, 0.9, False, "met"),
        (0.7, 0.79, False, "not met"),
        (0.8, 0.8, True, "met"),
    ],
)
def test_a_verdict_wants_every_round_to_agree(low: float, high: float, at_most: bool, says: str) -> None:
    assert Verdict("ours", "p50", (low + high) / 2, 0.8, at_most, low, high).says == says


def test_the_document_keeps_the_words_around_the_figures(tmp_path: Path) -> None:
    document = tmp_path / "benchmarks.md"
    document.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    a_report().write_into(document)
    a_report().write_into(document)
    text = document.read_text()
    assert text.startswith(f"before\n{BEGIN}\n")
    assert text.endswith(f"{END}\nafter\n")
    assert "old" not in text
    assert text.count("### Goals") == 1
    assert "| 40 / 16 |" in text


def test_results_and_picture_are_written(tmp_path: Path) -> None:
    report = a_report()
    report.write_json(tmp_path / "evidence" / "benchmarks.json")
    plot.draw(report.results, tmp_path / "img" / "benchmarks.png")
    written = json.loads((tmp_path / "evidence" / "benchmarks.json").read_text())
    assert written["verdicts"][0]["says"] == "unsettled"
    assert (tmp_path / "img" / "benchmarks.png").stat().st_size > 5_000
