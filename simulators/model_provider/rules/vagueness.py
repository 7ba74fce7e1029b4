"""Whether a message says too little to act on."""

import re

from simulators.model_provider.rules.connectives import GREETING
from simulators.model_provider.rules.words import words

_VAGUE_WORDS = (
    "do it fix this that these those help make something stuff thing things please can could would you me my the a an"
    " i need want just now again quickly better more work handle go ahead what is why how who which when where and or"
    " to with for some mach mache es das dies bitte hilf hilfe mir etwas tu tue repariere was warum wie soll jetzt mal"
    " ding fais faites le la ça cela ceci aide aidez moi s il te vous plaît répare corrige quoi pourquoi comment"
    " quelque chose un une haz hazlo esto eso ayuda ayúdame por favor algo qué cómo arregla arréglalo lo"
    " làm đi cái này đó giúp tôi với gì sao nó sửa việc hãy vui lòng"
)
_VAGUE = frozenset(_VAGUE_WORDS.split())
_CJK_VAGUE = re.compile(
    r"帮我|帮忙|帮|请|做|修复|修|弄|搞|处理|改|好|一下|这个|那个|这|那|它|吧|吗|呢|怎么办|怎么|什么|为什么"
    r"|やって|直して|して|これ|それ|あれ|を|お願い(?:します)?|ください|手伝って|何|なぜ"
)


def is_greeting(message: str) -> bool:
    """Return whether the message only greets or thanks."""
    match = GREETING.match(message.strip())
    return match is not None and not any(letter.isalnum() for letter in message.strip()[match.end() :])


def is_vague(message: str) -> bool:
    """Return whether no word of the message names a thing to work on."""
    if is_greeting(message):
        return False
    return all(word in _VAGUE for word in words(_CJK_VAGUE.sub(" ", message)))
