"""Whether a call is to be a job, and where its end is to be told: read from the body and its headers."""

import ipaddress
import re
from collections.abc import Mapping
from typing import Final

from api.gateway.fields import BadField, Fields
from domain.errors import InvalidInput
from domain.gateway import Webhook
from domain.webhook import URL_LIMIT, check_url, host_of
from services.net.addresses import Place, place

JOB: Final = "async"
WEBHOOK: Final = "webhook"
PREFERENCE: Final = "respond-async"
_PREFERS: Final = re.compile(r"(?:^|,)\s*respond-async\s*(?:[;,=]|$)", re.IGNORECASE)


def wants_job(body: Fields, ours: Fields, headers: Mapping[str, str]) -> bool:
    """Whether a call is to be a job: `async` in its `longhaul` object or in the body itself, else `Prefer` (RFC 7240).

    Raises:
        BadField: `async` is neither true nor false.
    """
    said = [given for given in (ours.flag(JOB), body.flag(JOB)) if given is not None]
    return said[0] if said else prefers_job(headers)


def prefers_job(headers: Mapping[str, str]) -> bool:
    """Whether the Prefer header asks for an answer by and by."""
    return _PREFERS.search(headers.get("prefer", "")) is not None


def webhook_of(ours: Fields, *, is_job: bool) -> Webhook | None:
    """Return where the job's end is to be told.

    Raises:
        BadField: It is no object with a `url`, or the call is no job.
    """
    given = ours.member(WEBHOOK)
    if given is None:
        return None
    given.only("url", "content")
    if not is_job:
        raise ours.bad(WEBHOOK, "is for jobs: set async", "webhook_without_async")
    url = given.text("url")
    if not 1 <= len(url) <= URL_LIMIT:
        raise given.bad("url", f"has 1 to {URL_LIMIT} characters", "invalid_webhook_url")
    return Webhook(url=url, content=given.flag("content") or False)


def check_webhook(webhook: Webhook, *, allow_private: bool) -> None:
    """Refuse a URL that a webhook would never reach, as far as it can be told without asking anybody for its name.

    Raises:
        BadField: It is one.
    """
    try:
        check_url(webhook.url, allow_http=allow_private)
    except InvalidInput as error:
        raise BadField(_URL, str(error), "invalid_webhook_url") from None
    where = _place_of(host_of(webhook.url))
    if where is Place.FORBIDDEN or (where is Place.PRIVATE and not allow_private):
        raise BadField(_URL, "leads to this machine, a private network or where nobody goes", "webhook_url_refused")


_URL: Final = "longhaul.webhook.url"


def _place_of(host: str) -> Place:
    """Return what kind of place a host is; a name's is found out when the webhook is sent."""
    if host == "localhost" or host.endswith(".localhost"):
        return Place.PRIVATE
    try:
        return place(ipaddress.ip_address(host))
    except ValueError:
        return Place.PUBLIC
