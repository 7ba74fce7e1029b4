"""What Confluence holds at first: a small space DEMO, and one page in OPS."""

from datetime import datetime, timedelta
from typing import NamedTuple

from simulators.atlassian.confluence.store import SPACES, Comment, Page, Version
from simulators.atlassian.people import PEOPLE


class _Seed(NamedTuple):
    id: str
    space: str
    parent: str | None
    title: str
    labels: str
    body: str


_SEEDS = (
    _Seed("65537", "DEMO", None, "Demo home", "home", "<p>Everything about the demo shop.</p>"),
    _Seed(
        "65538", "DEMO", "65537", "Release notes 4.1", "release",
        "<h1>Release notes 4.1</h1><p>The search is faster. Known bug: payment may be taken twice.</p>",
    ),
    _Seed(
        "65539", "DEMO", "65537", "How we triage bugs", "process",
        "<p>Every bug has a priority. <strong>Highest</strong> is fixed the same day.</p>"
        "<ul><li>Monday: new bugs</li><li>Thursday: old bugs</li></ul>",
    ),
    _Seed("65540", "DEMO", "65538", "Release notes 4.0", "release archive", "<p>The first shop.</p>"),
    _Seed("65541", "OPS", None, "On-call handbook", "process", "<p>Call Grace first.</p>"),
)  # fmt: skip


def pages(now: datetime) -> list[Page]:
    """Return the pages, dated back from `now`."""
    made = [
        Page(
            id=seed.id,
            space=SPACES[seed.space],
            versions=[Version(1, seed.title, seed.body, now - timedelta(days=40 - number), PEOPLE["ada"])],
            parent=seed.parent,
            labels=seed.labels.split(),
        )
        for number, seed in enumerate(_SEEDS)
    ]
    made[1].comments.append(
        Comment("65600", "<p>Please add the passkeys.</p>", now - timedelta(days=2), PEOPLE["grace"])
    )
    return made
