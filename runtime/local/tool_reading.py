"""Waiting until the tool servers have been read for the first time: a plan made before would know no tools."""

import asyncio
from typing import Any, Final

import httpx

LIMIT_S: Final = 30.0
_POLL_S: Final = 0.2


async def tools_read(api_url: str, key: str, limit_s: float = LIMIT_S) -> str:
    """Wait until every enabled server was read, or could not be; return in words what there is.

    Args:
        api_url: Where the API answers.
        key: The key of a caller who may read the tool servers.
        limit_s: How long to wait at most; what has not been read by then is read later.
    """
    async with httpx.AsyncClient(base_url=api_url, headers=_headers(key), trust_env=False, timeout=5.0) as api:
        try:
            async with asyncio.timeout(limit_s):
                servers = await _enabled(api)
                while not all(_is_read(server) for server in servers):
                    await asyncio.sleep(_POLL_S)
                    servers = await _enabled(api)
        except (TimeoutError, httpx.HTTPError, ValueError, LookupError):
            return "not read yet"
    return ", ".join(_told(server) for server in servers) or "none"


def _headers(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


async def _enabled(api: httpx.AsyncClient) -> list[dict[str, Any]]:
    answer = await api.get("/v1/tool-servers")
    found: list[dict[str, Any]] = answer.raise_for_status().json()["servers"]
    return [server for server in found if not server["disabled"]]


def _is_read(server: dict[str, Any]) -> bool:
    return server["state"]["at"] is not None


def _told(server: dict[str, Any]) -> str:
    state = server["state"]
    return f"{server['id']} ({state['total']})" if state["ok"] else f"{server['id']} (not read: {state['error']})"
