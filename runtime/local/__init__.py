"""Local processes: a PostgreSQL, a Temporal server and our own programs, started, watched and ended by one supervisor.

Whatever is started here ends with its supervisor; what a killed supervisor left behind is ended by the next one.
"""

from runtime.local.errors import LocalError, PortTakenError, ProcessFailedError
from runtime.local.postgres import EmbeddedPostgres
from runtime.local.process import ProcessSpec
from runtime.local.supervisor import Backoff, Supervisor
from runtime.local.temporal_server import DevServer

__all__ = [
    "Backoff",
    "DevServer",
    "EmbeddedPostgres",
    "LocalError",
    "PortTakenError",
    "ProcessFailedError",
    "ProcessSpec",
    "Supervisor",
]
