"""How a process comes by its settings: read, judged, and shown once on standard output without any secret."""

import sys

from runtime.production import demand
from runtime.redaction import table
from runtime.settings import Settings, load, variable


def load_for(process: str) -> Settings:
    """Return the settings that a process starts with.

    Raises:
        SettingsError: A variable cannot be used, or production refuses some; the text names all of them.
    """
    settings = load()
    demand(settings)
    values = {variable(key): value for key, value in settings.redacted().items()}
    given = frozenset(map(variable, settings.model_fields_set))
    sys.stdout.write(f"settings of {process}:\n{table(values, given)}")
    sys.stdout.flush()
    return settings
