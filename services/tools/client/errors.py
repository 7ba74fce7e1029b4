"""From what went wrong between us and a server to the domain's error, in one place.

| seen | becomes |
|---|---|
| -32001, dead transport, 5xx, 429, no connection | ToolUnavailable |
| -32602 | ToolArgumentsInvalid |
| -32601, -32002 | ToolMissing |
| -32042 | ToolNeedsInput |
| 401, 403 | ToolAuthNeeded |
| -32700, a wrong shape | ToolAnswerInvalid |
| an address or a redirect that we do not follow | ToolRefused |
| any other JSON-RPC error | ToolFailed, with the server's text |
"""

from typing import NamedTuple, cast

import httpx2
import mcp_types as types
from mcp import MCPError
from mcp.client.auth import OAuthFlowError
from pydantic import ValidationError

from domain.errors import (
    LonghaulError,
    ToolAnswerInvalid,
    ToolAnswerTooLarge,
    ToolArgumentsInvalid,
    ToolAuthNeeded,
    ToolError,
    ToolFailed,
    ToolMissing,
    ToolNeedsInput,
    ToolRefused,
    ToolUnavailable,
)
from domain.hidden import strip_hidden
from services.net.guard import AddressRefused

TEXT_LIMIT = 4000
"""Characters of a server's own text in an error."""
ANSWER_TOO_LARGE = -32980
"""Our transports' own code for an answer that was not read to its end."""
RESOURCE_MISSING = -32002

_UNSENT = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.UnsupportedProtocol,
    httpx2.LocalProtocolError,
)
_KINDS: dict[int, type[ToolError]] = {
    types.REQUEST_TIMEOUT: ToolUnavailable,
    types.PARSE_ERROR: ToolAnswerInvalid,
    types.INVALID_PARAMS: ToolArgumentsInvalid,
    types.METHOD_NOT_FOUND: ToolMissing,
    RESOURCE_MISSING: ToolMissing,
    types.URL_ELICITATION_REQUIRED: ToolNeedsInput,
    ANSWER_TOO_LARGE: ToolAnswerTooLarge,
}
_SDK_TEXTS = ("Connection closed", "SSE stream ")
_EVENT_TOO_LARGE = "SSE stream failed: Server-sent event exceeded"
_UNANSWERED = (ToolUnavailable, ToolAnswerInvalid, ToolAnswerTooLarge)


class Failure(NamedTuple):
    """An error to be raised, by each of those who wait for it."""

    kind: type[ToolError]
    text: str
    may_have_happened: bool = False
    retry_after_s: float | None = None

    def error(self) -> ToolError:
        """Return a new error."""
        if issubclass(self.kind, ToolArgumentsInvalid):
            return self.kind(self.text)
        return self.kind(self.text, may_have_happened=self.may_have_happened, retry_after_s=self.retry_after_s)


def bounded(text: str) -> str:
    """Return a stranger's text for an error: nothing hidden in it, and not long.

    Twice as long as it is told: it is cut again when secrets have been masked, lest half a one escape.
    """
    return strip_hidden(text)[0].strip()[: 2 * TEXT_LIMIT]


def from_protocol(error: MCPError) -> Failure:
    """Return what a JSON-RPC error answered to a request means; its text is the server's."""
    kind = _of_transport(error) or _KINDS.get(error.code, ToolFailed)
    text = bounded(error.message) or f"the server answered with error {error.code}"
    return Failure(kind, text, may_have_happened=issubclass(kind, _UNANSWERED))


def _of_transport(error: MCPError) -> type[ToolError] | None:
    """Return what the SDK's own transport says in the server's place, with a code that servers use as well."""
    if error.code != types.CONNECTION_CLOSED or not error.message.startswith(_SDK_TEXTS):
        return None
    return ToolAnswerTooLarge if error.message.startswith(_EVENT_TOO_LARGE) else ToolUnavailable


def from_exception(error: BaseException, *, handed: bool) -> Failure:
    """Return what the end of a transport, or of one exchange, means. No text of a library's error is taken over.

    Args:
        error: What was raised; of a group, its first leaf counts.
        handed: Whether the request had been given to the transport.
    """
    error = leaf(error)
    if isinstance(error, ToolError):
        return Failure(type(error), str(error), handed and error.may_have_happened, error.retry_after_s)
    if isinstance(error, AddressRefused):
        return Failure(ToolRefused, str(error))
    if isinstance(error, OAuthFlowError):
        return Failure(ToolAuthNeeded, f"signing in to the server failed ({type(error).__name__})")
    if isinstance(error, _UNSENT):
        return Failure(ToolUnavailable, f"no connection to the server ({type(error).__name__})")
    if isinstance(error, ValidationError):
        return Failure(ToolAnswerInvalid, "the server's answer breaks the protocol", handed)
    if isinstance(error, MCPError):
        return from_protocol(error)
    if isinstance(error, LonghaulError):
        return Failure(ToolUnavailable, str(error), handed)
    return Failure(ToolUnavailable, f"the connection to the server was lost ({type(error).__name__})", handed)


def leaf(error: BaseException) -> BaseException:
    """Return the first error within groups of errors."""
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    return error


def at_connect(error: BaseException, noted: Failure | None) -> Failure:
    """Return why a connection could not be opened; nothing that anybody asked for was sent.

    Args:
        error: What opening it raised.
        noted: What the transport noted of the last exchange, which says more.
    """
    if noted is not None:
        return noted._replace(may_have_happened=False)
    error = leaf(error)
    if isinstance(error, TimeoutError):
        return Failure(ToolUnavailable, "the server did not greet us in time")
    if isinstance(error, MCPError):
        return Failure(ToolUnavailable, f"the server refused to be greeted: {bounded(error.message)}")
    if isinstance(error, RuntimeError):  # the SDK's word for it
        return Failure(ToolAnswerInvalid, "the server speaks no version of the protocol that we speak")
    return from_exception(error, handed=False)
