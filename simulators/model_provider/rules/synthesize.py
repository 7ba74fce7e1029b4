"""The synthesize task: the results in order, and plainly what has none and why."""

from domain.documents import StepResultDocument, SynthesizeDocument
from simulators.model_provider.rules.phrases import say
from simulators.model_provider.rules.records import records
from simulators.model_provider.rules.words import short

_PROMPT = 160
_NOTE = 300


def synthesize(document: SynthesizeDocument) -> str:
    """Return the final answer."""
    language = document.language
    done = [_done(result, language) for result in document.results if _has_result(result)]
    undone = [_undone(result, language) for result in document.results if not _has_result(result)]
    if not done:
        return "\n\n".join([say(language, "none"), *undone])
    if len(done) == 1:
        return "\n\n".join([*done, *undone])
    numbered = [f"{number}. {text}" for number, text in enumerate(done, start=1)]
    return "\n\n".join([say(language, "parts", count=len(done)), *numbered, *undone])


def _has_result(result: StepResultDocument) -> bool:
    return result.status in ("succeeded", "accepted") and bool(result.text)


def _done(result: StepResultDocument, language: str) -> str:
    text = _readable(result.text or "")
    if result.status == "accepted":
        return f"{text}\n{say(language, 'accepted', note=_note(result, language))}"
    return text


def _readable(text: str) -> str:
    """Return a tool's records as lines; any other text as it is."""
    lines = records(text)
    return "\n".join(f"- {line}" for line in lines) if lines else text


def _undone(result: StepResultDocument, language: str) -> str:
    phrase = result.status if result.status in ("skipped", "cancelled") else "failed"
    prompt = f"{result.id} “{short(result.prompt, _PROMPT)}”."
    return say(language, phrase, prompt=prompt, note=_note(result, language))


def _note(result: StepResultDocument, language: str) -> str:
    return short(result.note or "", _NOTE).rstrip(".。") or say(language, "unknown")
