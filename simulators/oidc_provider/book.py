"""All state of one provider: keys, codes that are good, a log of what happened."""

from dataclasses import dataclass, field

from simulators.oidc_provider.keys import Keys
from simulators.oidc_provider.settings import Behaviour


@dataclass(frozen=True, slots=True)
class Code:
    """An authorization code: good once."""

    client_id: str
    redirect_uri: str
    challenge: str
    nonce: str | None


@dataclass(slots=True)
class Entry:
    """A line of the log: `what` happened, with `detail`; never a token."""

    what: str
    detail: str


@dataclass(slots=True)
class Book:
    """The state."""

    clients: dict[str, str | None]
    keys: Keys = field(default_factory=Keys)
    codes: dict[str, Code] = field(default_factory=dict[str, Code])
    log: list[Entry] = field(default_factory=list[Entry])
    behaviour: Behaviour = field(default_factory=Behaviour)

    def note(self, what: str, detail: str = "") -> None:
        """Log that something happened."""
        self.log.append(Entry(what, detail))
