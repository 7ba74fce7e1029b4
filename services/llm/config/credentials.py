"""The accounts' credentials: sealed, bound to their account's row, opened only where calls are made."""

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from services.vault.errors import VaultError
from services.vault.vault import Vault

CREDENTIAL_LIMIT = 8192
"""Characters of a credential: it travels in a header."""


def _fit_for_a_header(credential: SecretStr) -> SecretStr:
    """Check a credential; a line break that was pasted with it would break every call."""
    text = credential.get_secret_value()
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("a credential has printable ASCII characters only, and no spaces")
    return credential


Credential = Annotated[SecretStr, Field(min_length=1, max_length=CREDENTIAL_LIMIT), AfterValidator(_fit_for_a_header)]


def bound_to(account_id: str) -> str:
    """Return what the seal of an account's credential is bound to."""
    return f"pool_account/{account_id}"


def seal(vault: Vault, account_id: str, credential: str) -> bytes:
    """Return the sealed credential."""
    return vault.seal(credential.encode(), bound_to=bound_to(account_id))


def open_(vault: Vault, account_id: str, sealed: bytes) -> str:
    """Return a credential in the clear.

    Raises:
        VaultError: It cannot be opened: another master key, another account's, or damaged.
    """
    return vault.open(sealed, bound_to=bound_to(account_id)).decode()


def can_be_opened(vault: Vault, account_id: str, sealed: bytes) -> bool:
    """Whether the master keys at hand open a credential."""
    try:
        open_(vault, account_id, sealed)
    except (VaultError, UnicodeDecodeError):
        return False
    return True
