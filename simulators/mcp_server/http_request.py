"""Requests as they come over a socket; just as much of HTTP/1.1 as MCP's clients speak."""

import asyncio
from dataclasses import dataclass

HEAD_LIMIT = 256 * 1024
BODY_LIMIT = 16 * 1024 * 1024


class BadRequest(Exception):
    """Bytes that are no request we read."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request. Header names are in lower case; `path` has no query."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


async def read_request(reader: asyncio.StreamReader) -> HttpRequest | None:
    """Return the next request of a connection, or None when the client has closed it.

    Raises:
        BadRequest: It is too large, or not HTTP.
    """
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    except asyncio.LimitOverrunError as error:
        raise BadRequest("the head is too long") from error
    first, *lines = head.decode("latin-1").split("\r\n")
    method, _, rest = first.partition(" ")
    target, _, version = rest.partition(" ")
    if not version.startswith("HTTP/1."):
        raise BadRequest("no request line")
    named = (line.partition(":") for line in lines if line)
    headers = {name.strip().lower(): value.strip() for name, _, value in named}
    body = await _body(reader, headers)
    return HttpRequest(method, target.partition("?")[0], headers, body)


async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return await _chunks(reader)
    length = int(headers.get("content-length", "0"))
    if length > BODY_LIMIT:
        raise BadRequest("the body is too long")
    return await reader.readexactly(length)


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int((await reader.readline()).split(b";")[0], 16):
        body += await reader.readexactly(size)
        await reader.readline()
        if len(body) > BODY_LIMIT:
            raise BadRequest("the body is too long")
    await reader.readline()
    return body
