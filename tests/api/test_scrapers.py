"""A scraper is answered while the database is away, unless its key has been refused before."""

import asyncio
import tempfile
from pathlib import Path

import httpx

from api.parts import Parts
from services.storage.database import Database
from tests.api.served import parts_like, serving
from tests.keys import bearer
from tests.storage.cable import Cable

WITHIN_S = 5.0


async def test_a_revoked_key_scrapes_no_more_when_the_database_goes_away(
    idle: httpx.AsyncClient, idle_parts: Parts, database_url: str
) -> None:
    made = (await idle.post("/v1/keys", json={"name": "scraper", "permissions": ["metrics.read"]})).json()
    key = bearer(made["secret"])
    with tempfile.TemporaryDirectory(prefix="lh") as folder:
        cable = Cable(database_url, Path(folder))
        await cable.mend()
        far = Database(cable.url)
        async with serving(parts_like(idle_parts, database=far)) as api:
            assert [(await api.get("/metrics", headers=who)).status_code for who in (key, bearer())] == [200, 200]
            assert (await idle.delete(f"/v1/keys/{made['key']['id']}")).status_code == 204
            await _until(api, key, 401, while_=200)
            await cable.cut()
            assert (await api.get("/metrics")).status_code == 200
            await _until(api, key, 503, while_=401)
        await far.close()


async def _until(api: httpx.AsyncClient, key: dict[str, str], status: int, *, while_: int) -> None:
    """Scrape until the answer is another one, which it is to be within seconds."""
    async with asyncio.timeout(WITHIN_S):
        while (found := (await api.get("/metrics", headers=key)).status_code) != status:
            assert found == while_
            await asyncio.sleep(0.05)
