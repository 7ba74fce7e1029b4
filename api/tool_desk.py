"""The registry of tool servers as the API reaches it, by the settings of a process."""

from runtime.settings import Settings
from services.storage.database import Database
from services.tools.admin import Commands, ToolAdmin
from services.vault.keys import open_vault


def tool_desk(settings: Settings, database: Database) -> ToolAdmin:
    """Return the desk. It starts no command: where commands are installed is the workers' business.

    Raises:
        KeysInvalid: The keys that seal credentials cannot be used.
    """
    keys = settings.master_keys
    vault = open_vault(None if keys is None else keys.get_secret_value(), settings.key_file)
    return ToolAdmin(database, vault, Commands(settings.tool_command_names, ()))
