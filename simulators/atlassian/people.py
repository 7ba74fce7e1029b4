"""The users that both products know."""

from typing import Any, NamedTuple


class Person(NamedTuple):
    """A user."""

    name: str
    display: str

    def jira(self, base: str) -> dict[str, Any]:
        """Return the user as Jira shows one."""
        return {
            "self": f"{base}/rest/api/2/user?username={self.name}",
            "name": self.name,
            "key": self.name,
            "emailAddress": f"{self.name}@example.com",
            "displayName": self.display,
            "active": True,
            "timeZone": "UTC",
        }

    def confluence(self) -> dict[str, Any]:
        """Return the user as Confluence shows one."""
        return {"type": "known", "username": self.name, "userKey": self.name, "displayName": self.display}


ME = Person("longhaul", "Longhaul Robot")
"""Whoever has a token."""
PEOPLE = {person.name: person for person in (ME, Person("ada", "Ada Byron"), Person("grace", "Grace Park"))}


def find(text: str) -> Person | None:
    """Return the user of that name, e-mail address or display name."""
    wanted = text.casefold().removesuffix("@example.com")
    return next((one for one in PEOPLE.values() if wanted in (one.name, one.display.casefold())), None)
