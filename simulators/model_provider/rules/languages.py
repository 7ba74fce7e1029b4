"""Telling a text's language by its script, its accents and its commonest words."""

import re

_SAMPLE = 4000
_KANA = re.compile(r"[\u3040-\u30ff]")
_SCRIPTS = (
    ("zh", re.compile(r"[\u3400-\u9fff]")),
    ("ko", re.compile(r"[\uac00-\ud7af]")),
    ("ru", re.compile(r"[\u0400-\u04ff]")),
    ("ar", re.compile(r"[\u0600-\u06ff]")),
    ("th", re.compile(r"[\u0e00-\u0e7f]")),
)
_LETTER = re.compile(r"[^\W\d_]")
_WORD = re.compile(r"[^\W\d_]+")
_SCRIPT_SHARE = 0.2

_ACCENTS = (
    ("vi", re.compile(r"[ăđơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ]")),
    ("de", re.compile(r"[äöüß]")),
    ("es", re.compile(r"[ñ¿¡íóú]")),
    ("fr", re.compile(r"[çœêèàùûîë]")),
)

_WORDS = {
    "en": (
        "the and is are was a an of to in for with on it this that what how which who please write give me my you "
        "can about then list if its i we our your as at by or from be do does into has have not so us"
    ),
    "de": (
        "der die das und ist sind ein eine einen einem mit von zu im für auf es was wie bitte schreibe mir ich du "
        "nicht über dann den dem"
    ),
    "fr": (
        "le la les et est sont un une des de du avec pour sur ce que quoi comment quel quelle écris moi je tu "
        "vous puis dans au aux en"
    ),
    "es": (
        "el la los las y es son un una de del con para sobre que qué cómo cuál por favor escribe me yo tú luego en al"
    ),
    "vi": "và là của một các những cho với về trong hãy viết tôi bạn gì sao rồi không được toi ban mot",
    "it": "il lo la gli e è della sono un una di del con per su che cosa come quale scrivi mi poi nel alla",
    "pt": "o os as e é são um uma de do da com para sobre que como qual escreva me depois no na em não",
    "nl": "de het en is zijn een van met voor op dat wat hoe welke schrijf mij dan niet over aan",
}
_STOP = {language: frozenset(words.split()) for language, words in _WORDS.items()}

STOP_WORDS = frozenset(word for words in _STOP.values() for word in words)
"""The commonest words of all languages told apart here."""


def detect(text: str) -> str:
    """Return the language's tag; `en` when nothing tells."""
    sample = text[:_SAMPLE].lower()
    return _by_script(sample) or _by_words(sample)


def _by_script(sample: str) -> str | None:
    letters = len(_LETTER.findall(sample)) or 1
    kana = len(_KANA.findall(sample))
    for language, script in _SCRIPTS:
        found = len(script.findall(sample))
        if language == "zh" and kana and (found + kana) / letters >= _SCRIPT_SHARE:
            return "ja"
        if found / letters >= _SCRIPT_SHARE:
            return language
    return None


def _by_words(sample: str) -> str:
    words = _WORD.findall(sample)
    scores = {language: sum(word in stop for word in words) for language, stop in _STOP.items()}
    for language, accents in _ACCENTS:
        scores[language] += min(len(accents.findall(sample)), 6)
    best = max(scores, key=lambda language: scores[language])
    return best if scores[best] else "en"
