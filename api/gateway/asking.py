"""From a body in the OpenAI API's form, and headers, to the call that is asked for.

What is asked of us and not of the model stands in the body's `longhaul` object; it is taken out and relayed nowhere.
"""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from api.gateway import headers as given
from api.gateway.fields import BadField, Fields
from api.gateway.following import Asked
from api.gateway.job_wish import JOB, WEBHOOK, wants_job, webhook_of
from api.gateway.pieces import START
from api.gateway.problems import of_field, refusal
from domain.gateway import CallOptions
from domain.model_pool import Endpoint

EXTENSION: Final = "longhaul"
CAPACITY_WAIT_S: Final = 3600.0
"""How long `wait_for_capacity` waits."""

_NAMES: Final = ("priority", "wait_s", "wait_for_capacity", "timeout_s", "session", "resets", JOB, WEBHOOK)
_SESSION_LIMIT: Final = 200


def asked_of(body: Mapping[str, Any], headers: Mapping[str, str], route: str, endpoint: Endpoint) -> Asked:
    """Return the call that is asked for. `headers`: by lower-case name; `route`: as in `Asked`.

    Raises:
        GatewayProblem: 400 when an option or a header cannot be used.
    """
    try:
        options = options_of(Fields.of(body), headers, endpoint)
    except BadField as bad:
        raise of_field(bad) from None
    resumed = given.last_event(headers)
    call_id, place = resumed or (None, START)
    return Asked(
        route=route,
        body={name: value for name, value in body.items() if name not in (EXTENSION, JOB)},
        options=options,
        idempotency_key=given.idempotency_key(headers),
        cache_control=headers.get("cache-control"),
        attempt=place.n,
        after=place.after,
        resumes=call_id,
    )


def options_of(body: Fields, headers: Mapping[str, str], endpoint: Endpoint) -> CallOptions:
    """Return what a caller chose.

    Raises:
        BadField: An option has the wrong type or value.
        GatewayProblem: A header has.
    """
    ours = body.member(EXTENSION) or Fields({}, EXTENSION)
    ours.only(*_NAMES)
    is_job = wants_job(body, ours, headers)
    chosen: dict[str, Any] = {
        "priority": ours.count("priority"),
        "timeout_s": ours.number("timeout_s"),
        "resets": ours.flag("resets"),
        "background": is_job,
        "webhook": webhook_of(ours, is_job=is_job),
        "stream": body.flag("stream"),
    }
    try:
        return CallOptions(
            endpoint=endpoint,
            model=body.text("model"),
            wait_s=_wait_s(ours, headers),
            session=_session(ours, body, headers),
            **{name: value for name, value in chosen.items() if value is not None},
        )
    except ValidationError as error:
        raise _out_of_range(error) from None


def _wait_s(ours: Fields, headers: Mapping[str, str]) -> float | None:
    if ours.has("wait_s"):
        return ours.number("wait_s")
    if ours.has("wait_for_capacity"):
        return CAPACITY_WAIT_S if ours.flag("wait_for_capacity") else 0.0
    header = headers.get("x-longhaul-wait")
    if header is None:
        return None
    try:
        return CAPACITY_WAIT_S if header.lower() == "true" else float(header)
    except ValueError:
        message = "x-longhaul-wait is a number of seconds, or true"
        raise refusal(400, "invalid_value", message, "x-longhaul-wait") from None


def _session(ours: Fields, body: Fields, headers: Mapping[str, str]) -> str | None:
    """Return the session: as it is said to us, else by what providers are told to find their own caches by."""
    said = ours.maybe_text("session") or headers.get("x-longhaul-session")
    hint = body.values.get("prompt_cache_key") or body.values.get("user")
    return said or (hint[:_SESSION_LIMIT] if isinstance(hint, str) else None)


def _out_of_range(error: ValidationError) -> BadField:
    """Return the error of the option that is out of its range; its value is left out."""
    first = error.errors()[0]
    name = str(first["loc"][0])
    place = name if name in ("model", "stream") else f"{EXTENSION}.{name}"
    return BadField(place, str(first["msg"]))
