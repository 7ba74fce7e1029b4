"""The API with live settings, without workers."""

import secrets
from collections.abc import AsyncIterator
from dataclasses import replace
from ipaddress import ip_network

import httpx
import pytest_asyncio

from api.parts import Parts
from domain.caller import Caller
from domain.permissions import AUDITOR
from services.storage import setting_versions
from services.storage.audit import By
from services.storage.event_reader import EventReader
from services.storage.live_settings import LiveSettings
from services.storage.setting_versions import Wish
from tests.api.served import serving


class Callers:
    """Who asks, by the key that they bring: callers of one tenant each."""

    def __init__(self, parts: Parts) -> None:
        self._identity = parts.identity
        self.known: dict[str, Caller] = {}

    async def caller(self, credential: str, address: str | None, act_as: str | None = None) -> Caller:
        """Return a caller of ours, or one that the database knows."""
        if credential in self.known:
            return self.known[credential]
        assert self._identity is not None
        return await self._identity.caller(credential, address, act_as)

    def auditor(self, tenant: str) -> dict[str, str]:
        """Return the header of a user who may read a tenant's audit log."""
        key = secrets.token_hex(8)
        self.known[key] = Caller(f"usr_{key}", tenant, permissions=AUDITOR)
        return {"Authorization": f"Bearer {key}"}


@pytest_asyncio.fixture
async def settled(idle_parts: Parts) -> AsyncIterator[Parts]:
    """Parts with settings of their own, which are as they were afterwards; this machine is a trusted proxy."""
    live = LiveSettings(idle_parts.database, {"log_keep_days": 11})
    await live.start()
    deployment = replace(idle_parts.deployment, trusted_proxies=(ip_network("127.0.0.0/8"),))
    yield replace(idle_parts, settings=live, deployment=deployment)
    await live.close()
    for name in await setting_versions.newest(idle_parts.database):
        await setting_versions.change(idle_parts.database, By.itself("test"), Wish(name, None))


@pytest_asyncio.fixture
async def callers(settled: Parts) -> Callers:
    """Who may ask beside the tests' admin."""
    return Callers(settled)


@pytest_asyncio.fixture
async def api(settled: Parts, callers: Callers) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the API, the admin's."""
    async with serving(replace(settled, reader=EventReader(settled.database), identity=callers)) as client:
        yield client
