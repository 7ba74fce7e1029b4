"""Processor time of processes and what they have started."""

import contextlib
from collections.abc import Mapping

import psutil


def seconds_used(pids: Mapping[str, int]) -> dict[str, float]:
    """User and system time of each named process and its descendants, those that have ended included."""
    return {name: _of_tree(psutil.Process(pid)) for name, pid in pids.items()}


def busy_s() -> float:
    """Processor time that the whole machine has spent on anything, what its host took away included."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0))


def own_s() -> float:
    """Processor time of this process alone."""
    times = psutil.Process().cpu_times()
    return float(times.user + times.system)


def _of_tree(process: psutil.Process) -> float:
    total = _of(process)
    for child in process.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            total += _of(child)
    return total


def _of(process: psutil.Process) -> float:
    times = process.cpu_times()
    ended = getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
    return float(times.user + times.system + ended)
