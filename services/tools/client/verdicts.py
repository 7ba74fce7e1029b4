"""What an answer's text gives away that its flags do not: a failure told as a success, an outage told as a failure."""

import json
import re
from typing import Any, cast

SHORT = 500
"""Characters up to which a text is read as a message; a longer one is a result that begins with such a word."""

_ERROR = re.compile(
    r"(?:\W*\b)?(?:"
    r"(?:an? )?(?:(?:unexpected|internal|unknown|server) )*(?:error|exception|failure)(?: \d{3})?"
    r"\s*(?::|!|-|–|occurred|while|in |$)"
    r"|error (?:executing|calling|running|occurred|processing|fetching)"
    r"|failed(?: to|:| with)|failure:|fatal:|traceback \(most recent call last\)"
    r"|[\w.]+(?:error|exception)\s*(?::|$)"
    r"|(?:http )?[45]\d\d (?:client |server )?error"
    r"|(?:access|permission) denied|unauthori[sz]ed(?:$|:)|forbidden(?:$|:)"
    r"|exception:|panic:"
    r")",
    re.IGNORECASE,
)
_OUTAGE = re.compile(
    r"(?:error (?:calling|executing) tool [^\n]{0,200}?: )?"
    r"(?:HTTPError|ReadTimeout|ConnectTimeout|ConnectionError|ConnectError|RemoteProtocolError|ServiceUnavailable)\W*\Z",
    re.IGNORECASE,
)
_OUTAGE_WITHIN = re.compile(
    r"\b5\d\d Server Error\b|Connection aborted|RemoteDisconnected|Read timed out|Max retries exceeded"
    r"|NewConnectionError|\bCould not connect to\b|\brate limit (?:exceeded|hit)\b|\b429 (?:Client Error|Too Many)",
    re.IGNORECASE,
)
_SIGN_IN = re.compile(
    r"\bAuthentication failed\b|\b401 (?:Client Error|Unauthorized)|\b(?:access )?token (?:is |has |may be )?"
    r"(?:expired|revoked|invalid)\b|\bClient must be authenticated\b",
    re.IGNORECASE,
)
_READ = 4000
"""Characters of a failure's text that are looked at."""
_UNKNOWN = re.compile(
    r"\b(?:unknown|no such|unrecogni[sz]ed) (?:tool|prompt|resource)\b"
    r"|\b(?:tool|prompt|resource)\b.{0,200}\b(?:not found|does not exist|unknown|is not (?:available|registered))\b",
    re.IGNORECASE | re.DOTALL,
)


def says_error(text: str) -> bool:
    """Whether an answer that is marked as a success is in truth the report of a failure.

    A short text that begins as error messages do, or a JSON object with an `error` and no result, or with `success` or
    `ok` that is false.
    """
    text = text.strip()
    if text.startswith("{"):
        return _object_says_error(text)
    return 0 < len(text) <= SHORT and _ERROR.match(text) is not None


def says_outage(text: str) -> bool:
    """Whether a failure's text tells that what the tool works with did not answer: what the tool did is not known."""
    return _OUTAGE.match(text.strip()) is not None or _OUTAGE_WITHIN.search(text[:_READ]) is not None


def says_sign_in(text: str) -> bool:
    """Whether a failure's text tells that what the tool works with does not accept its credential."""
    return _SIGN_IN.search(text[:_READ]) is not None


def says_unknown(text: str) -> bool:
    """Whether a failure's text says that the server has no such thing."""
    return len(text) <= SHORT and _UNKNOWN.search(text) is not None


def _object_says_error(text: str) -> bool:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return False
    if not isinstance(value, dict):
        return False
    fields = cast("dict[str, Any]", value)
    if list(fields) == ["result"] and isinstance(fields["result"], str):
        return says_error(fields["result"])  # a text that a server wraps because its schema wants an object
    if fields.get("success") is False or fields.get("ok") is False:
        return True
    error = fields.get("error")
    told = error is not None and error is not False and error not in ("", [], {})
    return told and not any(fields.get(name) for name in ("result", "results", "data", "items", "content"))
