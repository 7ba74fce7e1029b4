"""Listing models, and showing one, in the words of any dialect."""

from collections.abc import Callable
from dataclasses import dataclass

from simulators.model_provider.chat import ChatCall, Kind
from simulators.model_provider.dialect import Asked, Incoming, Stamp, Words
from simulators.model_provider.exchange import dump
from simulators.model_provider.json_value import JsonObject
from simulators.model_provider.replies import Reply


@dataclass(frozen=True, slots=True)
class Models:
    """The models that there are. `check` raises ApiError for one that there is not."""

    words: Words
    names: tuple[str, ...]
    check: Callable[[str], None]

    def read_list(self, _incoming: Incoming, key: str) -> Asked:
        """Read the request for all, which are one page."""
        return self._asked(key, "", self.words.model_list([self.words.model(name) for name in self.names]))

    def read_one(self, incoming: Incoming, key: str) -> Asked:
        """Read the request for one; raises ApiError if there is none of the name."""
        name = incoming.path["id"]
        self.check(name)
        return self._asked(key, name, self.words.model(name))

    def _asked(self, key: str, name: str, body: JsonObject) -> Asked:
        def whole(_reply: Reply, _stamp: Stamp) -> bytes:
            return dump(body)

        return Asked(ChatCall(self.words.dialect, Kind.MODELS, key, name, ""), whole)
