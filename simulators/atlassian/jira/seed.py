"""What Jira holds at first: a dozen issues of the project DEMO, and two of OPS."""

from datetime import datetime, timedelta
from typing import NamedTuple

from simulators.atlassian.jira.store import PROJECTS, Comment, Issue
from simulators.atlassian.people import ME, PEOPLE


class _Seed(NamedTuple):
    type: str
    status: str
    priority: str
    days: int
    """How long ago it was created."""
    labels: str
    assignee: str
    summary: str
    description: str


_DEMO = (
    _Seed("Bug", "To Do", "Highest", 2, "checkout", "ada", "Checkout fails with an empty cart",
          "Pressing *Pay* with an empty cart shows a blank page. Expected: a message."),
    _Seed("Bug", "In Progress", "High", 5, "checkout payments", "grace", "Payment is taken twice after a time-out",
          "When the payment provider answers late, the customer pays again and is charged twice."),
    _Seed("Bug", "To Do", "Medium", 9, "search", "", "Search ignores accents",
          "Searching for cafe does not find café."),
    _Seed("Bug", "Done", "High", 30, "login", "ada", "Login loops when cookies are blocked",
          "The login page reloads for ever."),
    _Seed("Bug", "To Do", "Low", 1, "email", "", "Order e-mail shows the wrong currency",
          "Orders in CHF are confirmed in EUR."),
    _Seed("Bug", "Done", "Medium", 45, "export", "grace", "CSV export cuts long names",
          "Names beyond 64 characters are cut."),
    _Seed("Task", "In Progress", "Medium", 12, "infrastructure", "ada", "Move image storage to the new bucket",
          "Copy, switch reads, switch writes, delete."),
    _Seed("Task", "To Do", "Low", 20, "documentation", "", "Describe the refund process",
          "Support asks for one page in Confluence."),
    _Seed("Task", "Done", "High", 60, "infrastructure", "grace", "Renew the TLS certificates", "Done yearly."),
    _Seed("Story", "To Do", "Medium", 15, "checkout", "ada", "As a customer I can save my cart",
          "The cart is still there after a new login."),
    _Seed("Story", "In Progress", "High", 25, "search", "grace", "As a customer I can filter by price",
          "Two sliders, applied at once."),
    _Seed("Story", "Done", "Medium", 90, "login", "ada", "As a customer I can log in with a passkey",
          "Passwords stay as the fallback."),
)  # fmt: skip
_OPS = (
    _Seed("Bug", "To Do", "High", 3, "monitoring", "ada", "Alerts arrive an hour late", "The queue is slow at night."),
    _Seed("Task", "Done", "Low", 40, "monitoring", "", "Remove the old dashboard", "Nobody looks at it."),
)


def issues(now: datetime) -> list[Issue]:
    """Return the issues, dated back from `now`."""
    pairs = [("DEMO", number, seed) for number, seed in enumerate(_DEMO, 1)]
    pairs += [("OPS", number, seed) for number, seed in enumerate(_OPS, 1)]
    made = [_issue(key, number, seed, now) for key, number, seed in pairs]
    made[1].comments.append(Comment("10400", PEOPLE["ada"], "Seen again at three shops.", now - timedelta(days=3)))
    return made


def _issue(project: str, number: int, seed: _Seed, now: datetime) -> Issue:
    owner = PROJECTS[project]
    return Issue(
        id=f"{owner.id}{number:03}",
        key=f"{project}-{number}",
        project=owner,
        type=seed.type,
        summary=seed.summary,
        created=now - timedelta(days=seed.days),
        updated=now - timedelta(days=seed.days / 2),
        status=seed.status,
        priority=seed.priority,
        description=seed.description,
        assignee=PEOPLE.get(seed.assignee),
        reporter=ME,
        labels=seed.labels.split(),
    )
