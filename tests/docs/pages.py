"""Reading our Markdown pages: headings, links, tables, fenced blocks and the commands in them."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, cast

ROOT = Path(__file__).resolve().parents[2]
_SKIPPED = frozenset({".venv", ".longhaul", "node_modules"})

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_CODE_SPAN = re.compile(r"`[^`\n]*`")
_FILE = re.compile(
    r"^(?:domain|contracts|workflows|activities|services|runtime|api|cli|simulators|tests|deploy)/[\w./-]*$"
)
_MAKE = re.compile(r"\bmake ([a-z][a-z-]*)\b")


class Command(NamedTuple):
    """A `temporal workflow …` command: `update execute`, `signal`, `query` or another verb, and its options."""

    verb: str
    options: dict[str, str]


def pages() -> list[Path]:
    """Return every Markdown page of the repository."""
    found = (path for path in ROOT.rglob("*.md") if not _SKIPPED.intersection(path.relative_to(ROOT).parts))
    return sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(ROOT).parts))


def page(name: str) -> str:
    """Return the text of one page."""
    return (ROOT / name).read_text(encoding="utf-8")


def prose(text: str) -> str:
    """Return a page without its fenced blocks and code spans."""
    return _CODE_SPAN.sub("", _FENCE.sub("", text))


def section(text: str, title: str) -> str:
    """Return what stands below a heading, up to the next one of its level or above; KeyError if there is none."""
    found = re.search(rf"^(#+) {re.escape(title)}\n", text, re.MULTILINE)
    if found is None:
        raise KeyError(title)
    rest = text[found.end() :]
    end = re.search(rf"^#{{1,{len(found.group(1))}}} ", _blanked_fences(rest), re.MULTILINE)
    return rest[: end.start()] if end else rest


def headings(text: str, level: int) -> list[str]:
    """Return the headings of one level, without their code marks."""
    found = re.findall(rf"^#{{{level}}} +(.+?) *$", _blanked_fences(text), re.MULTILINE)
    return [str(title).replace("`", "") for title in found]


def anchors(text: str) -> set[str]:
    """Return the fragments that code hosts make of the headings."""
    titles = _HEADING.findall(_blanked_fences(text))
    return {re.sub(r"[^\w\- ]", "", title.replace("`", "").lower()).replace(" ", "-") for title in titles}


def links(text: str) -> list[str]:
    """Return the targets of all links in a page's prose."""
    return _LINK.findall(_FENCE.sub("", text))


def rows(text: str) -> list[list[str]]:
    """Return the cells of every table row, headings and rulers left out."""
    lines = [line.strip() for line in _FENCE.sub("", text).splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line[1:-1].split("|")] for line in lines]
    return [row for row in cells if row and set("".join(row)) - set("-| ")]


def coded(cell: str) -> str | None:
    """Return what a cell that begins with code says in it, None for other cells."""
    found = re.match(r"`([^`]+)`", cell)
    return found.group(1) if found else None


def blocks(text: str, language: str) -> list[str]:
    """Return the fenced blocks of a language."""
    return [str(body) for name, body in _FENCE.findall(text) if name == language]


def json_objects(text: str) -> Iterator[dict[str, Any]]:
    """Yield every JSON object of a page: in a block of its own, or an edit in a code span."""
    spans = [span.strip("`") for span in _CODE_SPAN.findall(_FENCE.sub("", text))]
    for body in blocks(text, "json") + [span for span in spans if span.startswith('{"op"')]:
        value = json.loads(body)
        if isinstance(value, dict):
            yield cast("dict[str, Any]", value)


def make_targets(text: str) -> set[str]:
    """Return the targets of every `make …` in code."""
    code = [body for _, body in _FENCE.findall(text)] + _CODE_SPAN.findall(_FENCE.sub("", text))
    return {str(target) for body in code for target in _MAKE.findall(body)}


def files(text: str) -> set[str]:
    """Return the files and folders of the repository that code spans name, such as `domain/budget.py` and `api/`."""
    spans = {span.strip("`") for span in _CODE_SPAN.findall(_FENCE.sub("", text))}
    return {span for span in spans if _FILE.match(span)}


def shell_words(text: str) -> Iterator[list[str]]:
    """Yield the words of every command of the shell blocks."""
    for body in blocks(text, "sh"):
        for line in body.replace("\\\n", " ").splitlines():
            yield shlex.split(line, comments=True)


def commands(text: str) -> Iterator[Command]:
    """Yield every `temporal workflow …` command of the shell blocks."""
    for words in shell_words(text):
        if words[:2] == ["temporal", "workflow"]:
            verb = " ".join(word for word in words[2:4] if not word.startswith("-"))
            options = {words[at]: words[at + 1] for at in range(len(words) - 1) if words[at].startswith("--")}
            yield Command(verb, options)


def _blanked_fences(text: str) -> str:
    return _FENCE.sub(lambda found: re.sub(r"[^\n]", " ", found.group()), text)
