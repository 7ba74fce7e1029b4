"""Which of the offered tools do what a clause wants, best first; none when no tool's name speaks of it."""

from collections.abc import Sequence

from domain.documents import ToolOffer
from domain.tools import ActionType, Effect
from simulators.model_provider.rules.intents import Intent, Verb, intent_of, is_known, named, thing_of

_WHERE = frozenset({"project", "space", "user", "key", "id"})
"""Words that say where a thing is, not what is done with it: a clause may have them without meaning the tool."""
_FILLERS = frozenset({"a", "all", "an", "by", "current", "for", "in", "new", "of", "text", "the"})
"""Words of a tool's name that ask nothing of a clause."""
_THING = 2.0
_SAME_VERB = 3.0
_LIKE_VERB = 1.0
_EXTRA = -1.0
_WORD = 0.5
_HINT = 0.1


def choose(text: str, offers: Sequence[ToolOffer]) -> list[ToolOffer]:
    """Return the tools that fit a clause, best first; of two alike the one offered first."""
    wanted = intent_of(text)
    scored = [(_score(wanted, offer), -number) for number, offer in enumerate(offers)]
    fitting = sorted((item for item in scored if item[0] > 0), reverse=True)
    return [offers[-number] for _, number in fitting]


def needs_tool(text: str, names: Sequence[str]) -> bool:
    """Return whether one of the tools named as `server/name` fits a clause."""
    offers = [
        ToolOffer(mcp_target_server_id="", mcp_action_type=ActionType.TOOL, mcp_action_name=name.partition("/")[2])
        for name in names
    ]
    return bool(choose(text, offers))


def _score(wanted: Intent, offer: ToolOffer) -> float:
    """Return how well a tool fits; 0: not at all. One that writes must do what the clause says and nothing beside."""
    if offer.mcp_action_type is not ActionType.TOOL:
        return 0
    does = named(offer.mcp_action_name)
    verb = _verb_score(wanted, does, offer)
    shared = len(wanted.things & does.things)
    own = {word for word in does.words & wanted.words if not is_known(word) and word not in _FILLERS | _WHERE}
    if not verb or not (shared or own):
        return 0
    extra = sum(_is_extra(word, wanted) for word in does.words)
    if extra and not (wanted.verb is None or wanted.verb.reads):
        return 0
    told = sum(word in wanted.words for word in does.words if is_known(word))
    return max(verb + _THING * shared + _WORD * len(own) + _HINT * told + _EXTRA * extra, 0)


def _verb_score(wanted: Intent, does: Intent, offer: ToolOffer) -> float:
    verb = does.verb
    if wanted.verb is None:
        return _SAME_VERB if does.words <= wanted.words else 0
    if verb is None:
        return _LIKE_VERB if wanted.verb.reads == (offer.effect is Effect.READ) or does.words <= wanted.words else 0
    if verb is wanted.verb:
        return _SAME_VERB
    if verb.reads and wanted.verb.reads:
        plain = verb is Verb.SEARCH and not wanted.exact
        return _SAME_VERB + _WORD if plain else _LIKE_VERB
    return 0


def _is_extra(word: str, wanted: Intent) -> bool:
    """Return whether a word of a tool's name speaks of what the clause does not."""
    thing = thing_of(word)
    if thing is not None:
        return thing not in wanted.things
    return word in _WHERE or not (is_known(word) or word in wanted.words or word in _FILLERS)
