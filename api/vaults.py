"""The vault by the settings of a process."""

from runtime.settings import Settings
from services.vault.keys import open_vault
from services.vault.vault import Vault


def vault_of(settings: Settings) -> Vault:
    """Return the vault that seals what is stored.

    Raises:
        KeysInvalid: The master keys cannot be used.
    """
    keys = settings.master_keys
    return open_vault(None if keys is None else keys.get_secret_value(), settings.key_file)
