"""What goes over the wire: a request's address, headers and body."""

from collections.abc import Mapping
from typing import NamedTuple

import httpx

from domain.errors import ModelCredentialDead, ModelRejected
from services.llm.chat import Target

RawHeaders = list[tuple[bytes, bytes]]

_OURS = frozenset(
    {
        "accept",
        "accept-encoding",
        "connection",
        "content-length",
        "content-type",
        "host",
        "idempotency-key",
        "transfer-encoding",
    }
)
"""Headers that no provider's settings change."""
_ALWAYS: RawHeaders = [
    (b"content-type", b"application/json"),
    (b"accept", b"text/event-stream, application/json"),
    (b"accept-encoding", b"identity"),
]
_AGENT = f"python-httpx/{httpx.__version__}"


class Sending(NamedTuple):
    """One HTTP request; `content` None: a GET."""

    url: str
    headers: RawHeaders
    content: bytes | None = None


class Credential(NamedTuple):
    """The header that lets an account in. `scheme` stands before the secret, with its space."""

    header: str
    scheme: str = ""


def address(target: Target, version: str, path: str) -> str:
    """Return the URL of a path under an API's version, whether the base URL ends with the version or not."""
    base = target.base_url.rstrip("/").removesuffix(version)
    return f"{base}{version}{path}"


def headers(target: Target, credential: Credential, idempotency_key: str = "", **more: str) -> RawHeaders:
    """Return the headers of a request; `more`: the API's own, with _ for -.

    Raises:
        ModelCredentialDead: The credential cannot stand in a header.
        ModelRejected: The provider's own headers cannot be sent.
    """
    told = {"user-agent": _AGENT} | {name.replace("_", "-"): value for name, value in more.items()}
    told |= {name.lower(): value for name, value in target.headers.items() if name.lower() not in _OURS}
    if target.credential:
        if not (target.credential.isascii() and target.credential.isprintable()):
            raise ModelCredentialDead("the credential cannot be sent: it has characters that no header may have")
        told[credential.header] = credential.scheme + target.credential
    if idempotency_key:
        told["idempotency-key"] = idempotency_key
    return [*_ALWAYS, *_encoded(told)]


def _encoded(told: Mapping[str, str]) -> RawHeaders:
    try:
        return [(name.encode("ascii"), value.encode("latin-1")) for name, value in told.items()]
    except UnicodeEncodeError:
        raise ModelRejected("the provider's headers cannot be sent: they have characters no header may have") from None
