"""What can be wrong with a sealed record or a master key. No text carries plaintext or key material."""

from domain.errors import LonghaulError


class VaultError(LonghaulError):
    """A record cannot be opened, or the master keys cannot be used."""

    code = "vault_error"


class UnknownKey(VaultError):
    """The record is sealed under a master key that is not at hand."""

    code = "vault_unknown_key"


class Damaged(VaultError):
    """The record is no sealed record, or not as it was written."""

    code = "vault_damaged"


class WrongBinding(VaultError):
    """The record was sealed for something else: rows were mixed up."""

    code = "vault_wrong_binding"


class KeysInvalid(VaultError):
    """The master keys are not spelled as they should be, or their file is open to others."""

    code = "vault_keys_invalid"
