"""The API's client: JSON in and out, and a request's events as an iterator that survives lost connections."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import httpx

from cli.errors import refused, unreachable
from domain.events import EventType

_TIMEOUT: Final = httpx.Timeout(15.0)
_SILENCE_S: Final = 40.0
"""The API sends a comment each 15 s; a connection more silent than this is dead."""

_PATIENCE_S: Final = 60.0
"""How long a watcher tries to come back to an API that went away."""


_PAUSE_S: Final = 0.5


class _OverError(Exception):
    """There is nothing more to come."""


@dataclass(frozen=True)
class Event:
    """One event of a request."""

    seq: int
    type: str
    data: dict[str, Any]


class Api:
    """A connection to the API. Every error is a `CommandError`."""

    def __init__(self, url: str, key: str | None = None) -> None:
        """Take the API's address, and the key to send; connect to nothing yet."""
        self.url = url
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=_TIMEOUT, trust_env=False)

    def get(self, path: str, **query: str | int | None) -> dict[str, Any]:
        """GET a document."""
        given = {key: value for key, value in query.items() if value is not None}
        return self._call(self._http.build_request("GET", path, params=given))

    def post(self, path: str, body: dict[str, Any], key: str | None = None) -> dict[str, Any]:
        """POST a document; `key` is its Idempotency-Key."""
        headers = {} if key is None else {"Idempotency-Key": key}
        return self._call(self._http.build_request("POST", path, json=body, headers=headers))

    def events(self, request_id: str) -> Iterator[Event]:
        """Yield a request's events from the first to the end; a lost connection is taken up where it broke."""
        last, heard_at = 0, time.monotonic()
        while True:
            try:
                for event in self._stream(request_id, last):
                    last, heard_at = event.seq, time.monotonic()
                    yield event
                    if event.type == EventType.REQUEST_FINISHED:
                        return
            except _OverError:
                return
            except httpx.TransportError:
                if last == 0 or time.monotonic() - heard_at > _PATIENCE_S:
                    raise unreachable(self.url) from None
            time.sleep(_PAUSE_S)

    def _stream(self, request_id: str, after: int) -> Iterator[Event]:
        timeout = httpx.Timeout(15.0, read=_SILENCE_S)
        headers = {"Last-Event-ID": str(after)} if after else {}
        with self._http.stream("GET", f"/v1/requests/{request_id}/events", headers=headers, timeout=timeout) as answer:
            if answer.status_code == HTTPStatus.NO_CONTENT:
                raise _OverError
            if answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE and after:
                raise httpx.ReadError("the API's database is away")
            if not answer.is_success:
                answer.read()
                raise refused(answer)
            yield from parse(answer.iter_lines())

    def _call(self, request: httpx.Request) -> dict[str, Any]:
        try:
            answer = self._http.send(request)
        except httpx.TransportError:
            raise unreachable(self.url) from None
        if not answer.is_success:
            raise refused(answer)
        document: dict[str, Any] = answer.json()
        return document


def parse(lines: Iterator[str]) -> Iterator[Event]:
    """Read Server-Sent Events; comments are skipped, an event cut off by a lost connection is dropped."""
    fields: dict[str, str] = {}
    for line in lines:
        if line == "":
            if "data" in fields:
                yield Event(int(fields["id"]), fields["event"], json.loads(fields["data"]))
            fields = {}
            continue
        name, _, value = line.partition(":")
        if name:
            fields[name] = value.removeprefix(" ")
