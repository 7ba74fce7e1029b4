"""How an API key is spelled: `lh_<public>_<secret>`, 16 hex digits and 43 characters of base64url (32 bytes)."""

import base64
import re
from dataclasses import dataclass, field
from typing import Final

PUBLIC_BYTES: Final = 8
SECRET_BYTES: Final = 32
KEY_ID: Final = re.compile(r"^[0-9a-f]{16}\Z")
_KEY: Final = re.compile(r"^lh_([0-9a-f]{16})_([A-Za-z0-9_-]{43})\Z", re.ASCII)


@dataclass(frozen=True)
class SpelledKey:
    """A key as its holder sends it. `id` is public; the secret is not shown by accident."""

    id: str
    secret: str = field(repr=False)

    @property
    def text(self) -> str:
        """The whole key: shown once, when it is made."""
        return f"lh_{self.id}_{self.secret}"


def parse_key(text: str) -> SpelledKey | None:
    """Return a key's parts; None: this is not how a key is spelled."""
    found = _KEY.match(text)
    return None if found is None else SpelledKey(found[1], found[2])


def secret_of(random_bytes: bytes) -> str:
    """Return the spelling of a secret of `SECRET_BYTES` random bytes."""
    return base64.urlsafe_b64encode(random_bytes).rstrip(b"=").decode()
