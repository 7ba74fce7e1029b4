"""Ports of this machine: whether one is free, who holds it, and a free one for a test."""

import contextlib
import socket
from dataclasses import dataclass

import psutil

from runtime.local.errors import PortTakenError


@dataclass(frozen=True)
class PortNeed:
    """A port that a process listens on, and the variable that changes it."""

    number: int
    setting: str
    host: str = "127.0.0.1"


def require_free(name: str, need: PortNeed) -> None:
    """Raise PortTakenError unless the port can be listened on."""
    if is_taken(need.number, need.host):
        raise PortTakenError(name, need.number, need.setting, _holder(need.number))


def is_taken(port: int, host: str = "127.0.0.1") -> bool:
    """Whether somebody listens on the port already, or we may not."""
    with socket.socket(_family(host), socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _holder(port: int) -> str | None:
    """The process that listens on the port, where this user may see it."""
    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections(kind="tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.laddr[1:] == (port,)
            if listens and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    return None
