"""Which tools a planner sees: the right ones of many, reads beside writes, in several languages, always the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.shortlist import Entry, rank, terms, wanted
from domain.tool_words import concepts
from tests.simulators.real_tools import ENTRIES


def entry(name: str, description: str = "", *, server: str = "s", reads: bool = False) -> Entry:
    return Entry(server, name, description, reads)


def names(query: str, documents: tuple[Entry, ...], limit: int = 12) -> list[str]:
    return [documents[number].name for number in rank(query, documents, limit)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("jira_create_issue", ("jira", "create", "issue")),
        ("getTinyImage-v2.png", ("get", "tiny", "image", "v2", "png")),
        ("The boxes, queries and searches of Zoë's buses", ("boxe", "query", "search", "zoe", "buse")),
        ("Straße status analysis class", ("strasse", "status", "analysis", "class")),
        ("đường Ünïcode", ("duong", "unicode")),
        ("缺陷列表 写 a", ("缺陷", "陷列", "列表", "写")),
        ("프로젝트", ("프로", "로젝", "젝트")),
        ("", ()),
    ],
)
def test_texts_are_cut_and_folded(text: str, words: tuple[str, ...]) -> None:
    assert terms(text) == words


def test_a_word_counts_for_what_it_stands_for() -> None:
    assert concepts("bug") == ("=issue",)
    assert concepts("owl") == ()
    assert wanted("Bugs, owls") == {"=issue": 1.0, "bug": 0.5, "owl": 1.0}
    assert "=issue" in wanted("Close DEMO-12")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (
            "List the open bugs of project DEMO and write a summary page in Confluence",
            ("jira_search", "confluence_create_page"),
        ),
        (
            "Liste die offenen Fehler des Projekts DEMO und schreibe eine Zusammenfassung als Seite in Confluence",
            ("jira_search", "confluence_create_page"),
        ),
        ("列出项目DEMO的未解决缺陷，并在Confluence写一个总结页面", ("jira_search", "confluence_create_page")),
        (
            "Liệt kê các lỗi đang mở của dự án DEMO và viết một trang tóm tắt trong Confluence",
            ("jira_search", "confluence_create_page"),
        ),
        ("Add a comment to DEMO-1: looks good", ("jira_add_comment", "jira_get_issue")),
        ("Move DEMO-2 to Done", ("jira_transition_issue", "jira_get_transitions")),
        ("Create a ticket: login fails", ("jira_create_issue",)),
        ("What time is it in Tokyo?", ("get_current_time", "convert_time")),
        ("Show the last commits of the repository", ("git_log", "git_show")),
        ("Read the file /srv/a.txt and the wiki page Home", ("read_file", "confluence_get_page")),
        ("Fetch https://example.com", ("fetch",)),
    ],
)
def test_the_right_tools_of_140_are_among_the_twelve(query: str, expected: tuple[str, ...]) -> None:
    assert set(expected) <= set(names(query, ENTRIES))


def test_all_are_given_when_they_fit_best_first() -> None:
    documents = (entry("widget_turn"), entry("note_find", "Finds notes."), entry("gadget"))
    assert names("find a note", documents) == ["note_find", "widget_turn", "gadget"]


def test_descriptions_count_too() -> None:
    documents = (
        entry("a", "Turns widgets."),
        entry("b", "Tells the weather."),
        entry("c", "Weather, weather! " + "x " * 200),
    )
    assert names("weather", documents, 2) == ["b", "c"]


def test_a_servers_best_read_stands_beside_its_best_write() -> None:
    writes = tuple(entry(f"note_write_{number}") for number in range(9))
    documents = (*writes, entry("note_inspect", reads=True), entry("note_read", server="other", reads=True))
    assert names("write a note", documents, 2) == ["note_write_0", "note_inspect"]
    reads = tuple(entry(f"note_read_{number}", reads=True) for number in range(9))
    assert names("read a note", (*reads, entry("note_inspect")), 2) == ["note_read_0", "note_inspect"]


def test_what_has_nothing_to_do_with_it_comes_last_the_servers_taking_turns() -> None:
    documents = (entry("x1"), entry("x2"), entry("x3"), entry("y1", server="t"), entry("note"))
    assert names("a note", documents, 4) == ["note", "x1", "y1", "x2"]


def test_nothing_to_rank_and_no_room() -> None:
    assert rank("a note", (), 3) == ()
    assert rank("a note", (entry("note"),), 0) == ()
    assert rank("", (entry(""), entry("_")), 3) == (0, 1)


entries = st.builds(Entry, st.sampled_from("ab"), st.text(max_size=20), st.text(max_size=40), st.booleans())


@given(st.text(max_size=60), st.lists(entries, max_size=20), st.integers(0, 12))
def test_any_ranking_is_within_bounds_without_repeats_and_repeatable(
    query: str, documents: list[Entry], limit: int
) -> None:
    ranked = rank(query, documents, limit)
    assert len(ranked) == min(limit, len(documents)) == len(set(ranked))
    assert rank(query, documents, limit) == ranked
