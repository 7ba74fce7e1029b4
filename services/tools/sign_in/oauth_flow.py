"""The SDK's OAuth flows, driven by hand and apart from the requests that need the tokens.

As the client's `auth`, the SDK's provider would hold a lock round every request, refresh only what it has itself seen
expire, take a 5xx for a refusal, and look for the token endpoint at the wrong place after a restart. So its flow, a
generator of requests, runs here: against a probe that never reaches the tools, with answers that are bounded in size
and time and judged before the flow sees them.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import aclosing, asynccontextmanager, contextmanager
from typing import Any

import httpx2
from mcp.client.auth import OAuthClientProvider, OAuthFlowError
from mcp.client.auth.utils import extract_field_from_www_auth, extract_resource_metadata_from_www_auth
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken
from mcp_types import LATEST_PROTOCOL_VERSION
from pydantic import TypeAdapter

from domain.errors import ToolAnswerInvalid, ToolAuthNeeded, ToolRefused, ToolUnavailable
from domain.tool_server import Http
from services.net.guard import AddressRefused, guarded_transport

REQUEST_TIMEOUT_S = 10.0
ANSWER_LIMIT = 256 * 1024
RETRY_AFTER_LIMIT_S = 300.0

_PROBE = {"jsonrpc": "2.0", "id": 0, "method": "ping"}
_PROBE_HEADERS = {
    "Accept": "application/json, text/event-stream",
    "MCP-Protocol-Version": LATEST_PROTOCOL_VERSION,
}
_CODING = {"content-encoding", "content-length", "transfer-encoding"}
_OVERLOADED = 429
_SERVER_ERROR = 500
_ERROR: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])
_ERROR_CODE = re.compile(r"^[a-z_]{1,40}\Z")


class Memory:
    """Where the SDK's provider keeps what it gets; nothing is kept beyond the flow."""

    def __init__(self, tokens: OAuthToken | None = None, client_info: OAuthClientInformationFull | None = None) -> None:
        self.tokens = tokens
        self.client_info = client_info
        self.granted = False

    async def get_tokens(self) -> OAuthToken | None:
        """Return the tokens."""
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        """Take new tokens."""
        self.tokens, self.granted = tokens, True

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        """Return who we are to the authorization server."""
        return self.client_info

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        """Take what the registration gave."""
        self.client_info = client_info


class SignInRefused(ToolAuthNeeded):
    """The authorization server refused; `error` is OAuth's code for it, such as "invalid_grant"."""

    def __init__(self, error: str) -> None:
        super().__init__(f"the authorization server refused the sign-in ({error})")
        self.error = error


async def sign_in(provider: OAuthClientProvider, memory: Memory, reach: Http, scope: str | None) -> OAuthToken:
    """Run a provider's whole flow, from the server's challenge to new tokens.

    Args:
        provider: The SDK's provider, over `memory`.
        memory: Where the tokens are found then.
        reach: The server.
        scope: What to ask for, in place of what the server asks for.

    Raises:
        ToolAuthNeeded: The flow came to no tokens.
        ToolUnavailable: A server on the way does not answer, or has trouble of its own.
        ToolRefused: A server on the way is where we do not connect to.
        ToolAnswerInvalid: An answer breaks the protocol.
    """
    return await _run(provider, memory, reach, lambda answer: _challenge(answer, scope))


async def refresh(provider: OAuthClientProvider, memory: Memory, reach: Http) -> OAuthToken:
    """Run a provider's flow up to the end of its refresh; the provider must hold tokens that it takes for expired.

    Raises:
        SignInRefused: The authorization server refused.
        ToolUnavailable: It does not answer, or has trouble of its own: the tokens may still be good.
        ToolRefused: It is where we do not connect to.
        ToolAnswerInvalid: Its answer breaks the protocol.
    """
    return await _run(provider, memory, reach, None)


async def _run(
    provider: OAuthClientProvider,
    memory: Memory,
    reach: Http,
    challenge: Callable[[httpx2.Response], httpx2.Response] | None,
) -> OAuthToken:
    probe = httpx2.Request("POST", reach.url, json=_PROBE, headers=reach.headers | _PROBE_HEADERS)
    async with _wire(reach) as wire:
        with _translated(wire):
            async with aclosing(provider.async_auth_flow(probe)) as flow:
                outgoing = await anext(flow)
                while outgoing is not probe or not memory.granted:
                    outgoing = await flow.asend(await _answer(wire, outgoing, probe, challenge))
    if memory.tokens is None:
        raise ToolAnswerInvalid("the authorization server gave no tokens")
    return memory.tokens


async def _answer(
    wire: "_Wire",
    outgoing: httpx2.Request,
    probe: httpx2.Request,
    challenge: Callable[[httpx2.Response], httpx2.Response] | None,
) -> httpx2.Response:
    if outgoing is not probe:
        return await wire.send(outgoing)
    if challenge is None:
        raise ToolAnswerInvalid("the authorization server's answer to a refresh breaks the protocol")
    return challenge(await wire.probe(probe))


def _challenge(answer: httpx2.Response, scope: str | None) -> httpx2.Response:
    """Return the 401 that starts the flow, whatever the server answered: it may let `ping` pass, or ask too much."""
    told = {
        "resource_metadata": extract_resource_metadata_from_www_auth(answer)
        if answer.status_code in {401, 403}
        else None,
        "scope": scope or extract_field_from_www_auth(answer, "scope"),
    }
    text = ", ".join(f'{name}="{value}"' for name, value in told.items() if value)
    return httpx2.Response(401, headers={"WWW-Authenticate": f"Bearer {text}"}, request=answer.request)


class _Wire:
    """Sends a flow's requests; `trouble`: the last answer says that its server has trouble of its own.

    Where metadata is not read for that reason, the SDK goes on with endpoints that it guesses; we do not.
    """

    def __init__(self, client: httpx2.AsyncClient, reach: Http) -> None:
        self._client = client
        self._reach = reach
        self.trouble = False

    async def probe(self, request: httpx2.Request) -> httpx2.Response:
        """Ask the MCP server; only the head of its answer is read."""
        answer = await self._exchange(request, limit=0)
        if _is_trouble(answer):
            raise ToolUnavailable("the server does not work for now", retry_after_s=_retry_after(answer))
        return answer

    async def send(self, request: httpx2.Request) -> httpx2.Response:
        """Ask a metadata, registration or token endpoint."""
        check_scheme(str(request.url), self._reach)
        asks_for_tokens = request.method == "POST"
        if asks_for_tokens and self.trouble:
            raise ToolUnavailable("the authorization server's metadata cannot be read for now")
        answer = await self._exchange(request, limit=ANSWER_LIMIT)
        self.trouble = _is_trouble(answer)
        if asks_for_tokens and self.trouble:
            raise ToolUnavailable("the authorization server does not work for now", retry_after_s=_retry_after(answer))
        if asks_for_tokens and answer.is_client_error:
            raise SignInRefused(_error_code(answer))
        return answer

    async def _exchange(self, request: httpx2.Request, limit: int) -> httpx2.Response:
        async with asyncio.timeout(REQUEST_TIMEOUT_S):
            answer = await self._client.send(request, stream=True, follow_redirects=False)
            try:
                body = await _bounded(answer, limit)
            finally:
                await answer.aclose()
        headers = [(name, value) for name, value in answer.headers.multi_items() if name.lower() not in _CODING]
        read = httpx2.Response(answer.status_code, headers=headers, content=body, request=request)
        read.next_request = answer.next_request
        return read


def check_scheme(url: str, reach: Http) -> None:
    """Refuse to carry credentials in the clear, but where a private network was allowed.

    Raises:
        ToolRefused: The URL is not https.
    """
    if not url.startswith("https://") and not reach.allow_private:
        raise ToolRefused("the authorization server is not reached by https")


@asynccontextmanager
async def _wire(reach: Http) -> AsyncGenerator[_Wire]:
    transport = guarded_transport(allow_private=reach.allow_private)
    async with httpx2.AsyncClient(transport=transport, timeout=REQUEST_TIMEOUT_S) as client:
        yield _Wire(client, reach)


@contextmanager
def _translated(wire: _Wire) -> Generator[None]:
    """Raise our errors for others', without their texts and causes: those quote tokens and codes."""
    try:
        yield
    except AddressRefused as error:
        raise ToolRefused(str(error)) from None
    except (httpx2.TransportError, TimeoutError):
        raise ToolUnavailable("the authorization server does not answer") from None
    except OAuthFlowError as error:
        if wire.trouble:
            raise ToolUnavailable("the authorization server does not work for now") from None
        raise ToolAuthNeeded(f"signing in to the server failed ({type(error).__name__})") from None
    except (ValueError, httpx2.InvalidURL, httpx2.RequestError, StopAsyncIteration):
        raise ToolAnswerInvalid("the authorization server's answer breaks the protocol") from None


async def _bounded(answer: httpx2.Response, limit: int) -> bytes:
    body = bytearray()
    if limit:
        async for chunk in answer.aiter_bytes():
            body += chunk
            if len(body) > limit:
                raise ToolAnswerInvalid("the authorization server's answer is too large")
    return bytes(body)


def _is_trouble(answer: httpx2.Response) -> bool:
    return answer.status_code >= _SERVER_ERROR or answer.status_code == _OVERLOADED


def _retry_after(answer: httpx2.Response) -> float | None:
    told = answer.headers.get("retry-after", "")
    return min(float(told), RETRY_AFTER_LIMIT_S) if told.isascii() and told.isdigit() else None


def _error_code(answer: httpx2.Response) -> str:
    try:
        code = _ERROR.validate_json(answer.content).get("error")
    except ValueError:
        code = None
    return code if isinstance(code, str) and _ERROR_CODE.match(code) else f"HTTP {answer.status_code}"
