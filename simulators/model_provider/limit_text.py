"""Limits as they are told on the command line: `rpm=60,window=6,tpm=1000,concurrency=4`."""

from simulators.model_provider.limits import Limit

_NUMBERS = ("rpm", "tpm", "concurrency")
_DAY_S = 86_400.0


def read_limit(text: str) -> tuple[str | None, Limit]:
    """Return a limit and the API key whose account it is of (`key=…`), None for every account's.

    Raises:
        ValueError: It is not of the form above, or a number is out of range.
    """
    fields: dict[str, str] = {}
    for part in text.split(","):
        name, _, value = part.partition("=")
        fields[name] = value
    key, window_s = fields.pop("key", None), float(fields.pop("window", "60"))
    numbers = {name: int(value) for name, value in fields.items()}
    if not numbers or not numbers.keys() <= set(_NUMBERS) or min(numbers.values()) < 1:
        raise ValueError(f"not a limit: {text!r}")
    if not 0 < window_s <= _DAY_S:
        raise ValueError(f"not a window: {text!r}")
    return key, Limit(numbers.get("rpm"), numbers.get("tpm"), window_s, numbers.get("concurrency"))
