"""Our own programs as child processes: `server.py`, the simulated provider, the simulated Jira and Confluence."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import httpx

from runtime.local.atlassian import TOKEN
from runtime.local.ports import PortNeed
from runtime.local.process import ProcessSpec
from runtime.settings import PROJECT_ROOT, child_environment

HOST: Final = "127.0.0.1"


def simulator(port: int, log: Path) -> ProcessSpec:
    """The simulated model provider; its base URL is `http://127.0.0.1:<port>/v1`.

    Args:
        port: Where it listens.
        log: Its append-only log of every call.
    """
    return ProcessSpec(
        name="simulator",
        argv=_module("simulators.model_provider", "--port", str(port), "--log", str(log)),
        cwd=PROJECT_ROOT,
        ports=(PortNeed(port, "LONGHAUL_SIMULATOR_PORT"),),
        ready=lambda: answers(f"http://{HOST}:{port}/healthz"),
    )


def atlassian_simulator(port: int, log: Path) -> ProcessSpec:
    """The simulated Jira and Confluence; `atlassian.simulated_servers` is its tool server.

    Args:
        port: Where it listens.
        log: Its append-only log of every write.
    """
    arguments = ("--port", str(port), "--log", str(log), "--token", TOKEN)
    return ProcessSpec(
        name="atlassian",
        argv=_module("simulators.atlassian", *arguments),
        cwd=PROJECT_ROOT,
        ports=(PortNeed(port, "LONGHAUL_ATLASSIAN_PORT"),),
        ready=lambda: answers(f"http://{HOST}:{port}/healthz"),
    )


def server(host: str, port: int, variables: Mapping[str, str]) -> ProcessSpec:
    """API and worker in one process.

    Args:
        host: The address the API listens on.
        port: Its port.
        variables: What it is told: DATABASE_URL, TEMPORAL_ADDRESS and LONGHAUL_*.
    """
    return ProcessSpec(
        name="server",
        argv=_module("server"),
        env=child_environment(variables),
        cwd=PROJECT_ROOT,
        ports=(PortNeed(port, "LONGHAUL_API_PORT", host),),
        ready=lambda: answers(f"{api_url(host, port)}/readyz"),
        grace_s=20.0,
    )


def api_url(host: str, port: int) -> str:
    """Where to reach an API that listens on this address."""
    reachable = HOST if host == "0.0.0.0" else host  # noqa: S104  compared with, not listened on
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


async def answers(url: str) -> bool:
    """Whether a GET is answered with a 2xx."""
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=2.0) as client:
            return (await client.get(url)).is_success
    except httpx.HTTPError:
        return False


def _module(name: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", name, *arguments)
