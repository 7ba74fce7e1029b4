"""What can go wrong with local processes. Each text says what to do next.

LocalError
├── PortTakenError        a port is in use; names the setting that changes it
├── ProcessFailedError    a process ended, or was not ready in time; carries the end of its log
├── AlreadyRunningError   another supervisor owns this process in this state folder
└── TemporalBinaryError   no way to get a Temporal server
"""

from pathlib import Path


class LocalError(RuntimeError):
    """Something about a local process; catch this to catch them all."""


class PortTakenError(LocalError):
    """A port that a process needs is in use."""

    def __init__(self, name: str, port: int, setting: str, holder: str | None) -> None:
        by = f" by {holder}" if holder else ""
        super().__init__(f"{name} needs port {port}, which is taken{by}: stop that, or set {setting} to a free port")
        self.port = port
        self.setting = setting


class ProcessFailedError(LocalError):
    """A process ended before it was ready, or was not ready in time."""

    def __init__(self, name: str, what: str, log: Path, tail: str) -> None:
        super().__init__(f"{name} {what}; the end of {log}:\n{tail or '(nothing)'}")
        self.name = name


class AlreadyRunningError(LocalError):
    """Another living supervisor runs this process in the same state folder."""

    def __init__(self, name: str, folder: Path) -> None:
        super().__init__(
            f"{name} already runs under another supervisor in {folder}: stop that one, or set LONGHAUL_STATE_DIR"
        )


class TemporalBinaryError(LocalError):
    """None of the ways to a Temporal server worked."""
