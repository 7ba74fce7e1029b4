"""The audit log over HTTP: what an admin does is in it with from where, and a tenant reads its own only."""

import json
import secrets

import httpx
import pytest

from api.client_address import address_behind
from api.parts import Parts
from runtime.edge_settings import networks_of
from services.storage.audit import Act, By, record
from tests.api.governance.conftest import Callers


def unique(what: str) -> str:
    return f"{what}-{secrets.token_hex(6)}"


async def fill(parts: Parts, tenant: str, count: int = 3) -> None:
    acts = (Act("user.create", "user", f"u{n}", {"n": n}) for n in range(count))
    await record(parts.database, By("anna", "anna", tenant), *acts)


async def test_a_change_is_found_with_who_and_from_where(api: httpx.AsyncClient) -> None:
    why = unique("why")
    proxied = {"X-Forwarded-For": "203.0.113.9, 198.51.100.7"}
    await api.put("/v1/settings/key_keep_days", json={"value": 9, "why": why}, headers=proxied)
    page = await api.get("/v1/audit", params={"object_id": "key_keep_days", "action": "setting.change", "limit": 1})
    (entry,) = page.json()["entries"]
    assert (entry["actor"], entry["owner"], entry["tenant"]) == ("local", "local", "default")
    assert entry["address"] == "198.51.100.7"
    assert entry["details"]["why"] == why
    assert entry["key_id"] is not None


async def test_pages_follow_each_other(api: httpx.AsyncClient, settled: Parts) -> None:
    tenant = unique("ten")
    await fill(settled, tenant, 5)
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (
            await api.get("/v1/audit", params={"tenant": tenant, "limit": 2, **({"cursor": cursor} if cursor else {})})
        ).json()
        seen += [entry["object_id"] for entry in page["entries"]]
        cursor = page["cursor"]
    assert seen == ["u4", "u3", "u2", "u1", "u0"]


async def test_a_tenant_reads_its_own_entries_only(api: httpx.AsyncClient, settled: Parts, callers: Callers) -> None:
    mine, other = unique("ten"), unique("ten")
    await fill(settled, mine)
    await fill(settled, other)
    me = callers.auditor(mine)
    for path in ("/v1/audit", "/v1/audit/export"):
        text = (await api.get(path, headers=me)).text
        assert mine in text
        assert other not in text
        assert (await api.get(path, headers=me, params={"tenant": mine})).status_code == 200
        assert (await api.get(path, headers=me, params={"tenant": other})).status_code == 403


async def test_the_log_is_exported_as_lines_the_oldest_first(api: httpx.AsyncClient, settled: Parts) -> None:
    tenant = unique("ten")
    await fill(settled, tenant, 1200)
    params = {"tenant": tenant}
    async with api.stream("GET", "/v1/audit/export", params=params) as answer:
        assert answer.headers["content-type"].startswith("application/x-ndjson")
        lines = [json.loads(line) async for line in answer.aiter_lines()]
    assert [line["object_id"] for line in lines] == [f"u{n}" for n in range(1200)]
    noted = await api.get("/v1/audit", params={"action": "audit.export", "object_id": tenant})
    assert noted.json()["entries"][0]["details"] == params


async def test_an_empty_export_has_no_line(api: httpx.AsyncClient) -> None:
    answer = await api.get("/v1/audit/export", params={"tenant": unique("ten")})
    assert (answer.status_code, answer.text) == (200, "")


@pytest.mark.parametrize(
    "params",
    [
        {"cursor": "1"},
        {"cursor": "x" * 41},
        {"limit": "0"},
        {"limit": "501"},
        {"since": "yesterday"},
        {"since": "2026-01-01T00:00:00"},
        {"actor": ""},
        {"actor": "a\u0000"},
        {"everything": "1"},
    ],
)
async def test_a_bad_search_is_refused(api: httpx.AsyncClient, params: dict[str, str]) -> None:
    assert (await api.get("/v1/audit", params=params)).status_code == 422


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("192.0.2.1", [], "192.0.2.1"),
        ("192.0.2.1", ["198.51.100.1"], "192.0.2.1"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["203.0.113.1, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["203.0.113.1", "198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["10.0.0.3,10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
        ("10.0.0.1", ["[2001:db8::1]:4711"], "2001:db8::1"),
        ("10.0.0.1", ["2001:db8::1"], "2001:db8::1"),
        ("::ffff:10.0.0.1", ["::ffff:198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1, evil"], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["1.1.1.1," * 10_000 + "198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1," + "10.0.0.2," * 50 + "10.0.0.3"], "10.0.0.2"),
        ("testclient", ["198.51.100.1"], "testclient"),
        ("", [], None),
        (None, ["198.51.100.1"], None),
    ],
)
def test_the_client_is_who_no_trusted_proxy_is(peer: str | None, forwarded: list[str], address: str | None) -> None:
    assert address_behind(peer, forwarded, networks_of("10.0.0.0/8, 192.168.0.1")) == address
