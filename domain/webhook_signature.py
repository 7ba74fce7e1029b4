"""Signatures by Standard Webhooks (specification 1.0, symmetric): who receives a webhook can tell that it is ours.

What is signed is `<id>.<timestamp>.<body>`; the signature is `v1,` and the base64 of HMAC-SHA256 under the secret.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.errors import InvalidInput

_PREFIX = "whsec_"
_SHORTEST, _LONGEST = 24, 64
"""Bytes of a secret, as the specification wants them."""


@dataclass(frozen=True)
class Secrets:
    """What webhooks are signed with. While a secret is replaced there are two: each signs, and either proves it."""

    keys: tuple[bytes, ...] = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> "Secrets":
        """Read secrets, separated by spaces or commas: `whsec_` and the base64 of 24 to 64 bytes each.

        Raises:
            InvalidInput: One of them is none, or there is none. The text quotes nothing of it.
        """
        keys = tuple(_key(part) for part in text.replace(",", " ").split())
        if not keys:
            raise InvalidInput("a webhook secret is missing")
        return cls(keys)

    def headers(self, message_id: str, timestamp: int, body: bytes) -> Mapping[str, str]:
        """Return the headers that sign a body. `timestamp`: of the sending, in seconds since 1970."""
        signed = f"{message_id}.{timestamp}.".encode() + body
        return {
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": " ".join(f"v1,{_signature(key, signed)}" for key in self.keys),
        }


def _signature(key: bytes, signed: bytes) -> str:
    return base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def _key(text: str) -> bytes:
    if not text.startswith(_PREFIX):
        raise InvalidInput(f"a webhook secret begins with {_PREFIX}")
    try:
        key = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInput(f"a webhook secret is base64 after {_PREFIX}") from None
    if not _SHORTEST <= len(key) <= _LONGEST:
        raise InvalidInput(f"a webhook secret has {_SHORTEST} to {_LONGEST} bytes")
    return key
