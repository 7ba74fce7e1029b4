"""The desk of the model pool, by the settings of a process."""

from runtime.settings import Settings
from services.llm.admin import PoolAdmin
from services.storage.database import Database
from services.vault.keys import open_vault


def pool_desk(settings: Settings, database: Database) -> PoolAdmin:
    """Return the desk. It seals credentials and opens none for use.

    Raises:
        KeysInvalid: The keys that seal credentials cannot be used.
    """
    keys = settings.master_keys
    return PoolAdmin(database, open_vault(None if keys is None else keys.get_secret_value(), settings.key_file))
