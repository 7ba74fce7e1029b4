"""The page of live settings lists each of them with what it may be, its default and its meaning; so do its words."""

import pytest

from domain.live_settings import NAMES, allowed, default_of, meaning_of, wording
from runtime.settings import Settings, variable
from tests.docs.pages import page, section

HEAD = "| setting | may be | default | variable | meaning |\n|---|---|---|---|---|\n"


def table() -> str:
    """Return the table as the catalogue makes it. After a change of the catalogue, put it into the page."""
    return HEAD + "".join(_row(name) for name in NAMES)


def _row(name: str) -> str:
    default = default_of(name)
    plain = f"{default:g}" if isinstance(default, float) else str(default)
    shown = "unset" if default is None else f"`{plain.lower() if isinstance(default, bool) else plain}`"
    given = f"`{variable(name)}`" if name in Settings.model_fields else ""
    return f"| `{name}` | {wording(allowed(name))} | {shown} | {given} | {meaning_of(name)} |\n"


def wrong_table(text: str) -> bool:
    """Whether a page's table is not the catalogue's."""
    return table() not in section(text, "The settings")


def test_the_table_is_the_catalogue() -> None:
    assert not wrong_table(page("docs/settings.md")), f"put this into the page:\n{table()}"


@pytest.mark.parametrize("planted", ["| `placement` |", "from 2 to 3650", "`LONGHAUL_LOG_LEVEL`"])
def test_another_table_is_found(planted: str) -> None:
    text = page("docs/settings.md")
    assert planted in text
    assert wrong_table(text.replace(planted, "something else", 1))
