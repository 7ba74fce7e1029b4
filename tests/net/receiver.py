"""A receiver of webhooks on loopback that answers as scripted, and an independent check of signatures."""

import asyncio
import base64
import hashlib
import hmac
import itertools
import socket
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

SECRET = "whsec_" + base64.b64encode(b"a secret of thirty-two bytes ...").decode()
OTHER = "whsec_" + base64.b64encode(b"another one of twenty-six!").decode()
SLOW, ENDLESS, REDIRECT = "slow", "endless", "redirect"
Answer = int | str | tuple[int, Mapping[str, str]]


@dataclass(frozen=True)
class Seen:
    """A webhook as it arrived."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Receiver:
    """Where it is, what it answers by path (the last answer stands; without a script 204), and what it has seen."""

    port: int
    scripts: dict[str, list[Answer]] = field(default_factory=dict[str, list[Answer]])
    seen: list[Seen] = field(default_factory=list[Seen])
    gone: threading.Event = field(default_factory=threading.Event)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def hook(self, *answers: Answer) -> str:
        """Return a URL of its own that answers so, one after the other."""
        path = f"/hook-{next(self._numbers)}"
        self.scripts[path] = list(answers)
        return f"http://127.0.0.1:{self.port}{path}"

    def at(self, url: str) -> list[Seen]:
        """Return what arrived at a URL."""
        return [each for each in self.seen if url.endswith(each.path)]

    async def take(self, request: Request) -> Response:
        """Answer by the script."""
        path = request.url.path
        self.seen.append(Seen(path, dict(request.headers), await request.body()))
        script = self.scripts.get(path) or [204]
        answer = script.pop(0) if len(script) > 1 else script[0]
        if answer == SLOW:
            while not await request.is_disconnected():
                await asyncio.sleep(0.01)
            self.gone.set()
            return Response()
        if answer == ENDLESS:
            return StreamingResponse(self._endless())
        if answer == REDIRECT:
            return RedirectResponse(f"http://127.0.0.1:{self.port}/elsewhere", 307)
        status, headers = answer if isinstance(answer, tuple) else (int(answer), dict[str, str]())
        return Response(status_code=status, headers={**headers, "set-cookie": "tracked=yes"})

    async def _endless(self) -> AsyncIterator[bytes]:
        try:
            while True:
                yield bytes(65_536)
                await asyncio.sleep(0)  # the server notices that the client has gone
        finally:
            self.gone.set()


def is_signed(seen: Seen, secret: str) -> bool:
    """Check a signature from the specification alone: any of those given, over `id.timestamp.body`."""
    key = base64.b64decode(secret.split("_", 1)[1])
    signed = b".".join((seen.headers["webhook-id"].encode(), seen.headers["webhook-timestamp"].encode(), seen.body))
    wanted = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return wanted in seen.headers["webhook-signature"].split(" ")


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Run a receiver in a thread with an event loop of its own."""
    listener = socket.create_server(("127.0.0.1", 0))
    receiver = Receiver(listener.getsockname()[1])
    app = Starlette(routes=[Route("/{path:path}", receiver.take, methods=["POST", "GET"])])
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield receiver
    finally:
        server.should_exit = True
        thread.join(timeout=5)
        listener.close()
