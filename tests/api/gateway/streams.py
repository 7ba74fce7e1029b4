"""Reading the gateway's streams as a client does."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

Json = dict[str, Any]
CHAT = "/v1/chat/completions"
HELLO = [{"role": "user", "content": "Hello"}]


def asking(name: str, **more: Any) -> Json:
    """Return the body of a chat."""
    return {"model": name, "messages": HELLO, **more}


@dataclass
class Stream:
    """A stream being read: its ids and the data of its events so far, comments apart."""

    response: httpx.Response
    ids: list[str] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    comments: int = 0
    lines: AsyncIterator[str] = field(init=False)

    def __post_init__(self) -> None:
        self.lines = _lines(self.response)

    async def read(self, events: int | None = None) -> "Stream":
        """Read so many more events, or to the end."""
        wanted = None if events is None else len(self.data) + events
        while wanted is None or len(self.data) < wanted:
            line = await anext(self.lines, None)
            if line is None:
                break
            name, _, value = line.partition(": ")
            if name == "id":
                self.ids.append(value)
            elif name == "data":
                self.data.append(value)
            elif line.startswith(":"):
                self.comments += 1
        return self

    @property
    def chunks(self) -> list[Json]:
        """The events that are JSON."""
        return [json.loads(data) for data in self.data if data != "[DONE]"]

    @property
    def texts(self) -> list[str]:
        """The texts of the chunks, those without any left out."""
        deltas = [choice["delta"] for chunk in self.chunks for choice in chunk.get("choices", ())]
        return [delta["content"] for delta in deltas if delta.get("content")]

    @property
    def is_done(self) -> bool:
        """Whether the stream has ended as a whole answer does."""
        return bool(self.data) and self.data[-1] == "[DONE]"


async def _lines(response: httpx.Response) -> AsyncIterator[str]:
    """Yield lines; httpx's own would also break them where SSE does not, as at U+2028."""
    rest = b""
    async for read in response.aiter_bytes():
        *whole, rest = (rest + read).split(b"\n")
        for line in whole:
            yield line.decode()


@asynccontextmanager
async def streaming(
    api: httpx.AsyncClient, body: Json, headers: dict[str, str] | None = None, path: str = CHAT
) -> AsyncIterator[Stream]:
    """Ask, and read the answer as it comes."""
    async with api.stream("POST", path, json={"stream": True, **body}, headers=headers) as response:
        yield Stream(response)


async def whole(api: httpx.AsyncClient, body: Json, headers: dict[str, str] | None = None) -> Stream:
    """Ask, and read the whole stream."""
    async with streaming(api, body, headers) as stream:
        assert stream.response.status_code == 200, await stream.response.aread()
        return await stream.read()


async def followed(api: httpx.AsyncClient, call_id: str, headers: dict[str, str] | None = None) -> Stream:
    """Follow a call by its id, to its end."""
    async with api.stream("GET", f"/v1/calls/{call_id}/stream", headers=headers) as response:
        assert response.status_code == 200, await response.aread()
        return await Stream(response).read()
