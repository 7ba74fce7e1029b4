"""The frames of `/v1/chat/ws`: what a client may send, and how answers are put into frames."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from api.gateway.bodies import parse
from api.gateway.fields import BadField, Fields
from api.gateway.problems import envelope, of_field
from domain.gateway import CallError

CallName = str | int
"""What a client calls one of its calls by; of ours where it gives no name."""

_TEXT_LIMIT: Final = 200


@dataclass(frozen=True)
class Ask:
    """Make a call. `headers`: what a client of HTTP would have said in headers."""

    name: CallName | None
    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Cancel:
    """End a call of this socket."""

    name: CallName


def read(raw: bytes) -> Ask | Cancel:
    """Return what a frame says.

    Raises:
        ApiProblem: It is not JSON, not an object, or not one of the frames.
    """
    try:
        return _read(Fields.of(parse(raw)))
    except BadField as bad:
        raise of_field(bad) from None


def name_in(raw: bytes) -> CallName | None:
    """Return the id in a frame that cannot be used otherwise, so that its error reaches whoever sent it."""
    try:
        said = json.loads(raw)
        return _name(Fields.of(said))
    except (ValueError, RecursionError, BadField):
        return None


def _read(frame: Fields) -> Ask | Cancel:
    if frame.choice("type", "chat", "cancel") == "cancel":
        frame.only("type", "id")
        frame.required("id")
        name = _name(frame)
        return Cancel("" if name is None else name)
    frame.only("type", "id", "body", "idempotency_key", "last_event_id", "cache_control")
    body = Fields.of(frame.required("body"), "body").values
    named = {
        "idempotency-key": frame.maybe_text("idempotency_key"),
        "last-event-id": frame.maybe_text("last_event_id"),
        "cache-control": frame.maybe_text("cache_control"),
    }
    return Ask(_name(frame), body, {name: value for name, value in named.items() if value is not None})


def _name(frame: Fields) -> CallName | None:
    name = frame.values.get("id")
    if name is None or (isinstance(name, int) and not isinstance(name, bool)):
        return name
    if not isinstance(name, str) or len(name) > _TEXT_LIMIT:
        raise frame.bad("id", f"must be a number or a string of at most {_TEXT_LIMIT} characters", "invalid_type")
    return name


def begun(name: CallName, told: Mapping[str, str]) -> str:
    """Return the frame that says that a call was accepted, with what an answer over HTTP has in its headers."""
    return _frame(name, "headers", told)


def done(name: CallName) -> str:
    """Return the last frame of a call that was answered."""
    return _frame(name, "done", True)  # noqa: FBT003  a JSON value


def failed(name: CallName | None, error: CallError) -> str:
    """Return the last frame of a call that was not answered, or the answer to a frame that cannot be used."""
    told = envelope(error)["error"]
    if error.retry_after_s is not None:
        told["retry_after_s"] = error.retry_after_s
    return _frame(name, "error", {**told, "status": error.status})


def chunks(name: CallName, events: bytes) -> Iterator[str]:
    """Yield a frame for each of some Server-Sent Events, with the very same JSON."""
    head = f'{{"id":{json.dumps(name)}'
    for event in events.decode().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in event.split("\n") if line)
        data = lines.get("data")
        if data is None or data == "[DONE]":
            continue
        place = f',"event_id":{json.dumps(lines["id"])}' if "id" in lines else ""
        yield f'{head}{place},"chunk":{data}}}'


def _frame(name: CallName | None, key: str, value: object) -> str:
    return json.dumps({"id": name, key: value}, ensure_ascii=False, separators=(",", ":"))
