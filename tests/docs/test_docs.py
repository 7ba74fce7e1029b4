"""The documentation says the truth: links, make targets, settings, time-outs. Each check fails on a planted error."""

import re
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest
import yaml

from cli.parser import Parser
from contracts import policies
from domain.context import ProjectContext
from runtime.settings import Settings, variable
from tests.docs.pages import (
    ROOT,
    anchors,
    coded,
    files,
    headings,
    links,
    make_targets,
    page,
    pages,
    prose,
    rows,
    section,
    shell_words,
)

DECISIONS = sorted((ROOT / "docs" / "adr").glob("*.md"))
PARTS = ["Context", "Decision", "Consequences", "Alternatives"]
LOCAL_PATHS = re.compile(r"(?<![\w/.])/(home|root|work|Users|tmp)/")


def broken_links(path: Path, text: str) -> list[str]:
    """Return the relative links of a page that lead nowhere."""
    return [link for link in links(text) if not re.match(r"[a-z]+:", link) and not _resolves(path, link)]


def _resolves(path: Path, link: str) -> bool:
    name, _, fragment = link.partition("#")
    target = (path.parent / name).resolve() if name else path
    if not target.is_relative_to(ROOT) or not target.exists():
        return False
    return not fragment or (target.suffix == ".md" and fragment in anchors(target.read_text(encoding="utf-8")))


def unknown_targets(text: str, makefile: str) -> set[str]:
    """Return the make targets that a page names and the Makefile has not."""
    return make_targets(text) - set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))


def wrong_settings(text: str) -> list[str]:
    """Return the settings that the table of a page lacks, has for nothing, or gives another default."""
    listed = {name: row for row in rows(section(text, "Settings")) if (name := coded(row[0])) is not None}
    known = {variable(key): field for key, field in Settings.model_fields.items()}
    problems = sorted(listed.keys() ^ known.keys())
    for name in listed.keys() & known.keys():
        field = known[name]
        plain = isinstance(field.default, str | int | bool | Path) and field.default != ""
        default = str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
        if plain and coded(listed[name][1]) != default:
            problems.append(f"{name}: {listed[name][1]}, not {default}")
    return problems


def wrong_time_outs(text: str) -> list[str]:
    """Return the rows of the time-outs table that differ from contracts/policies.py."""
    listed = {name: row[1] for row in rows(section(text, "Time-outs")) if (name := coded(row[0])) is not None}
    return [name for name, seconds in listed.items() if f"{_seconds(getattr(policies, name, None)):g}" != seconds]


def missing_files(text: str) -> set[str]:
    """Return the files and folders that a page names and the repository has not."""
    return {name for name in files(text) if not (ROOT / name).exists()}


def wrong_usage(text: str) -> list[str]:
    """Return the `python -m cli …` commands that the command line does not take."""
    ours = [words[3:] for words in shell_words(text) if words[1:3] == ["-m", "cli"]]
    return [" ".join(words) for words in ours if not _is_taken(words)]


def _is_taken(words: list[str]) -> bool:
    try:
        Parser().parser.parse_args(words)
    except SystemExit as end:
        return end.code == 0
    return True


def _seconds(value: object) -> float:
    if isinstance(value, dict):
        return _seconds(cast("dict[str, object]", value)["start_to_close_timeout"])
    if isinstance(value, timedelta):
        return value.total_seconds()
    return float(value) if isinstance(value, int | float) else -1.0


@pytest.mark.parametrize("path", pages(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_resolves(path: Path) -> None:
    assert broken_links(path, path.read_text(encoding="utf-8")) == []


def test_a_broken_link_is_found() -> None:
    planted = "[a](docs/nothing.md) [b](LICENSE) [c](README.md#nothing) [d](../outside.md) [e](README.md#two-commands)"
    assert broken_links(ROOT / "README.md", planted) == ["docs/nothing.md", "README.md#nothing", "../outside.md"]


@pytest.mark.parametrize("path", pages(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_make_target_exists(path: Path) -> None:
    assert unknown_targets(path.read_text(encoding="utf-8"), page("Makefile")) == set()


def test_an_unknown_make_target_is_found() -> None:
    assert unknown_targets("Run `make coffee`, or:\n\n```sh\nmake tea\n```\n", page("Makefile")) == {"coffee", "tea"}


def test_every_setting_is_documented_with_its_default() -> None:
    assert wrong_settings(page("docs/operations.md")) == []


def test_a_missing_or_wrong_setting_is_found() -> None:
    text = page("docs/operations.md")
    assert wrong_settings(text.replace("| `LONGHAUL_TASK_QUEUE` |", "| task queue |")) == ["LONGHAUL_TASK_QUEUE"]
    assert wrong_settings(text.replace("| `LONGHAUL_API_PORT` | `8080`", "| `LONGHAUL_API_PORT` | `80`")) != []


def test_the_time_outs_are_those_of_the_code() -> None:
    text = page("docs/architecture.md")
    assert len(rows(section(text, "Time-outs"))) > 5
    assert wrong_time_outs(text) == []


def test_a_wrong_time_out_is_found() -> None:
    planted = "## Time-outs\n\n| name | seconds |\n|---|---|\n| `STICKY_TIMEOUT` | 3 |\n| `NO_SUCH` | 1 |\n"
    assert wrong_time_outs(planted) == ["STICKY_TIMEOUT", "NO_SUCH"]


@pytest.mark.parametrize("path", pages(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_named_exists(path: Path) -> None:
    assert missing_files(path.read_text(encoding="utf-8")) == set()


def test_a_missing_file_is_found() -> None:
    assert missing_files("See `domain/coffee.py`, `domain/plan.py` and `tests/tea/`.") == {
        "domain/coffee.py",
        "tests/tea/",
    }


@pytest.mark.parametrize("path", pages(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_of_ours_is_taken(path: Path) -> None:
    assert wrong_usage(path.read_text(encoding="utf-8")) == []


def test_a_wrong_command_of_ours_is_found() -> None:
    planted = "```sh\npython -m cli brew tea\npython -m cli watch req_1\npython -m cli list --phase tired\n```\n"
    assert wrong_usage(planted) == ["brew tea", "list --phase tired"]


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_has_its_four_parts(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert headings(text, 2) == PARTS
    assert headings(text.replace("## Decision\n", ""), 2) != PARTS


def test_decisions_are_numbered_without_gaps() -> None:
    assert [int(path.name[:4]) for path in DECISIONS] == list(range(1, len(DECISIONS) + 1))


@pytest.mark.parametrize("path", pages(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_page_names_a_path_of_one_machine(path: Path) -> None:
    assert LOCAL_PATHS.search(prose(path.read_text(encoding="utf-8"))) is None


def test_a_local_path_is_found() -> None:
    assert LOCAL_PATHS.search("see /tmp/project") is not None


def test_the_example_context_is_a_context() -> None:
    context = ProjectContext.model_validate(yaml.safe_load(page("context.example.yaml")))
    assert [project.key for project in context.projects] == ["SHOP", "OPS"]
    assert context.document() is not None
