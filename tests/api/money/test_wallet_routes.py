"""Wallets over HTTP: made, filled once for a key, put right, given back, and read by those to whom they are granted."""

import asyncio
import csv
import io
import json
import secrets
from typing import Any

import httpx
import pytest

from domain.budget import cost
from domain.ledger import Payer
from services.storage.database import Database
from tests.ledger.books import PRICE, USAGE, Books, Terms
from tests.ledger.till import Post, fresh
from tests.limits.people import new_tenant, person

COST = cost(USAGE, PRICE)


def keyed(key: str | None = None) -> dict[str, str]:
    return {"Idempotency-Key": key or secrets.token_hex(8)}


async def made(api: httpx.AsyncClient, **wanted: Any) -> dict[str, Any]:
    answer = await api.post("/v1/wallets", json={"name": "Support", **wanted})
    assert answer.status_code == 201, answer.text
    wallet: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/v1/wallets/{wallet['id']}"
    return wallet


async def filled(api: httpx.AsyncClient, micros: int, **wanted: Any) -> str:
    wallet = await made(api, **wanted)
    body = {"amount_micros": micros, "reason": "invoice 1"}
    answer = await api.post(f"/v1/wallets/{wallet['id']}/top-ups", json=body, headers=keyed())
    assert answer.status_code == 201, answer.text
    return str(wallet["id"])


async def balance(api: httpx.AsyncClient, wallet: str) -> tuple[int, int]:
    found = (await api.get(f"/v1/wallets/{wallet}")).json()
    return found["available_micros"], found["held_micros"]


async def test_a_wallet_is_made_renamed_closed_and_opened_again(idle: httpx.AsyncClient) -> None:
    wallet = await made(idle, floor_micros=-500)
    path = f"/v1/wallets/{wallet['id']}"
    assert (wallet["tenant"], wallet["currency"], wallet["floor_micros"]) == ("default", "USD", -500)
    assert (wallet["available_micros"], wallet["is_default"], wallet["closed_at"]) == (0, False, None)
    changed = (await idle.patch(path, json={"name": "Sales", "disabled": True})).json()
    assert changed["name"] == "Sales"
    assert changed["closed_at"] is not None
    body = {"amount_micros": 5, "reason": "more"}
    refused = await idle.post(f"{path}/top-ups", json=body, headers=keyed())
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    opened = (await idle.patch(path, json={"disabled": False, "floor_micros": -700})).json()
    assert (opened["closed_at"], opened["floor_micros"], opened["name"]) == (None, -700, "Sales")


async def test_a_tenants_first_wallet_is_its_default_and_another_may_become_it(
    idle: httpx.AsyncClient, database: Database
) -> None:
    tenant = await new_tenant(database)
    first, second = await made(idle, tenant=tenant), await made(idle, tenant=tenant)
    assert (first["id"], first["is_default"]) == (tenant, True)
    assert second["is_default"] is False
    assert (await idle.patch(f"/v1/wallets/{second['id']}", json={"is_default": True})).json()["is_default"]
    listed = (await idle.get("/v1/wallets", params={"tenant": tenant})).json()["wallets"]
    assert {each["id"]: each["is_default"] for each in listed} == {first["id"]: False, second["id"]: True}
    assert (await idle.patch(f"/v1/wallets/{first['id']}", json={"is_default": False})).status_code == 422
    nobodys = await idle.post("/v1/wallets", json={"name": "x", "tenant": "ten_nobody"})
    assert nobodys.status_code == 404


async def test_a_top_up_moves_money_once_for_its_key(idle: httpx.AsyncClient) -> None:
    wallet, key = await made(idle), keyed()
    path, body = f"/v1/wallets/{wallet['id']}/top-ups", {"amount_micros": 1000, "reason": "invoice 7"}
    answers = await asyncio.gather(*(idle.post(path, json=body, headers=key) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    entry = answers[0].json()
    assert (entry["kind"], entry["available_after"], entry["reason"]) == ("top_up", 1000, "invoice 7")
    other = await idle.post(path, json={**body, "amount_micros": 999}, headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert await balance(idle, wallet["id"]) == (1000, 0)
    assert (await idle.post(path, json=body)).status_code == 422


async def test_an_adjustment_takes_nothing_below_the_floor(idle: httpx.AsyncClient) -> None:
    wallet = await filled(idle, 1000)
    path = f"/v1/wallets/{wallet}/adjustments"
    taken = await idle.post(path, json={"amount_micros": -400, "reason": "paid twice"}, headers=keyed())
    assert taken.status_code == 201
    refused = await idle.post(path, json={"amount_micros": -601, "reason": "too much"}, headers=keyed())
    assert (refused.status_code, refused.json()["code"]) == (402, "insufficient_funds")
    assert await balance(idle, wallet) == (600, 0)
    for amount in (0, 10**15 + 1, 1.5, "7", True):
        wrong = await idle.post(path, json={"amount_micros": amount, "reason": "x"}, headers=keyed())
        assert wrong.status_code == 422


async def charged(books: Books, wallet: str) -> Payer:
    """Have a whole call and one that goes on charged to a wallet."""
    payer = Payer(wallet, "default", fresh("usr"), fresh("key"))
    await books.whole_call(Terms(payer))
    await books.accept(Terms(payer))
    return payer


async def test_a_statement_tells_how_the_wallet_stood_after_each_and_what_each_was_for(
    idle: httpx.AsyncClient, database: Database
) -> None:
    wallet = await filled(idle, 1000)
    payer = await charged(Books(database), wallet)
    told = (await idle.get(f"/v1/wallets/{wallet}/statement")).json()
    entries = told["entries"]
    assert [entry["kind"] for entry in entries] == ["hold", "release", "post", "hold", "top_up"]
    stood = [(entry["available_after"], entry["held_after"]) for entry in entries]
    assert stood == [(850, 100), (950, 0), (900, 50), (900, 100), (1000, 0)]
    assert stood[0] == await balance(idle, wallet)
    call = entries[2]["call"]
    assert call["id"] == f"{call['request_id']}/call/1/1"
    assert (call["model"], call["state"], call["owner"]) == ("m", "finished", payer.user)
    assert (call["usage"]["output_tokens"], call["price"]["output_micros"]) == (20, 2_000_000)
    assert (entries[2]["micros"], entries[2]["held_change"], entries[2]["lost_micros"]) == (COST, -COST, 0)
    assert (told["wallet"], told["currency"], told["before"]) == (wallet, "USD", None)


async def test_pages_and_spans_of_a_statement_leave_nothing_out(idle: httpx.AsyncClient, database: Database) -> None:
    wallet = await filled(idle, 1000)
    await charged(Books(database), wallet)
    path = f"/v1/wallets/{wallet}/statement"
    whole = (await idle.get(path)).json()["entries"]
    paged: list[Any] = []
    before = None
    while True:
        query = {"limit": 2} if before is None else {"limit": 2, "before": before}
        page = (await idle.get(path, params=query)).json()
        paged += page["entries"]
        before = page["before"]
        if before is None:
            break
    assert paged == whole
    middle = {"since": whole[3]["at"], "until": whole[1]["at"]}
    assert (await idle.get(path, params=middle)).json()["entries"] == whole[2:4]


async def test_a_statement_comes_as_lines_of_json_and_of_csv(idle: httpx.AsyncClient, database: Database) -> None:
    wallet = await made(idle)
    path = f"/v1/wallets/{wallet['id']}"
    reason = '=SUM("a", 1), paid'
    body = {"amount_micros": 1000, "reason": reason}
    await idle.post(f"{path}/top-ups", json=body, headers=keyed())
    await charged(Books(database), wallet["id"])
    whole = (await idle.get(f"{path}/statement")).json()["entries"]
    lines = await idle.get(f"{path}/statement", params={"form": "jsonl"})
    assert lines.headers["content-type"] == "application/x-ndjson"
    assert "x-next-before" not in lines.headers
    assert [json.loads(line) for line in lines.text.splitlines()] == whole
    sheet = await idle.get(f"{path}/statement", params={"form": "csv", "limit": 4})
    assert sheet.headers["content-type"] == "text/csv; charset=utf-8"
    assert sheet.headers["x-next-before"] == str(whole[3]["id"])
    rows = list(csv.DictReader(io.StringIO(sheet.text)))
    assert [row["id"] for row in rows] == [str(entry["id"]) for entry in whole[:4]]
    assert (rows[2]["call_id"], rows[2]["price_output_micros"]) == (whole[2]["call"]["id"], "2000000")
    assert (rows[0]["model"], rows[0]["held_after"]) == ("", "100")
    rest = await idle.get(f"{path}/statement", params={"form": "csv", "before": sheet.headers["x-next-before"]})
    (last,) = csv.DictReader(io.StringIO(rest.text))
    assert last["reason"] == f"'{reason}"
    assert last["available_change"] == "1000"


async def test_a_refund_gives_back_what_a_posting_took_and_no_more(idle: httpx.AsyncClient, database: Database) -> None:
    wallet, other = await filled(idle, 1000), await filled(idle, 1000)
    await charged(Books(database), wallet)
    entries = (await idle.get(f"/v1/wallets/{wallet}/statement")).json()["entries"]
    (posting,) = [entry["id"] for entry in entries if entry["kind"] == "post"]
    path, key = f"/v1/wallets/{wallet}/refunds", keyed()
    body = {"posting": posting, "amount_micros": 20, "reason": "cut"}
    part = await idle.post(path, json=body, headers=key)
    assert (part.status_code, part.json()["refund_of"], part.json()["available_change"]) == (201, posting, 20)
    assert (await idle.post(path, json=body, headers=key)).status_code == 200
    rest = await idle.post(path, json={"posting": posting, "reason": "all of it"}, headers=keyed())
    assert rest.json()["micros"] == COST - 20
    more = await idle.post(path, json={"posting": posting, "reason": "again"}, headers=keyed())
    assert more.status_code == 409
    elsewhere = await idle.post(f"/v1/wallets/{other}/refunds", json=body, headers=keyed())
    assert elsewhere.status_code == 404
    assert await balance(idle, wallet) == (900, 100)


async def test_a_credit_lines_balance_is_the_sum_of_its_entries(idle: httpx.AsyncClient, database: Database) -> None:
    wallet = await filled(idle, 10, floor_micros=None)
    await charged(Books(database), wallet)
    found = (await idle.get(f"/v1/wallets/{wallet}")).json()
    assert (found["floor_micros"], found["available_micros"], found["held_micros"]) == (None, 10 - COST, 0)


async def test_a_wallet_is_seen_by_its_tenant_where_it_is_granted_and_written_by_the_operator(
    idle: httpx.AsyncClient, database: Database
) -> None:
    tenant = await new_tenant(database)
    wallet = (await made(idle, tenant=tenant))["id"]
    admin = await person(database, "admin", tenant=tenant)
    member = await person(database, "member", tenant=tenant)
    stranger = await person(database, "admin", tenant=await new_tenant(database))
    async with admin.client(idle) as chief, member.client(idle) as one, stranger.client(idle) as foreign:
        assert (await chief.get(f"/v1/wallets/{wallet}")).status_code == 200
        assert [each["id"] for each in (await chief.get("/v1/wallets")).json()["wallets"]] == [wallet]
        assert [each["id"] for each in (await one.get("/v1/wallets")).json()["wallets"]] == [wallet]
        assert (await one.get(f"/v1/wallets/{wallet}/statement")).status_code == 200
        for path in (f"/v1/wallets/{wallet}", f"/v1/wallets/{wallet}/statement", "/v1/wallets/wal_none"):
            assert (await foreign.get(path)).status_code == 404
        assert (await foreign.get("/v1/wallets", params={"tenant": tenant})).json() == {"wallets": [], "after": None}
        body = {"amount_micros": 5, "reason": "gift"}
        for caller in (chief, one, foreign):
            gift = await caller.post(f"/v1/wallets/{wallet}/top-ups", json=body, headers=keyed())
            assert gift.status_code == 403


async def test_of_the_work_of_others_a_member_sees_the_amounts_alone(
    idle: httpx.AsyncClient, database: Database
) -> None:
    tenant, books = await new_tenant(database), Books(database)
    wallet = (await made(idle, tenant=tenant))["id"]
    await idle.post(f"/v1/wallets/{wallet}/top-ups", json={"amount_micros": 1000, "reason": "invoice"}, headers=keyed())
    member = await person(database, "member", tenant=tenant)
    mine = await books.whole_call(Terms(Payer(wallet, tenant, member.user)))
    await books.whole_call(Terms(Payer(wallet, tenant, fresh("usr"))))
    path = f"/v1/wallets/{wallet}/statement"
    whole = (await idle.get(path)).json()["entries"]
    assert [entry["call"] is not None for entry in whole] == [entry["kind"] == "post" for entry in whole]
    async with member.client(idle) as one:
        seen = (await one.get(path)).json()["entries"]
        sheet = await one.get(path, params={"form": "csv"})
    hidden = {"call": None, "hold_id": None}
    assert seen == [*({**entry, **hidden} for entry in whole[:3]), *whole[3:]]
    assert [entry["hold_id"] for entry in seen[3:6]] == [mine] * 3
    assert whole[0]["hold_id"] not in sheet.text


async def test_a_time_that_is_none_in_utc_is_refused(idle: httpx.AsyncClient) -> None:
    path = f"/v1/wallets/{(await made(idle))['id']}/statement"
    for query in ({"since": "0001-01-01T00:00:00+14:00"}, {"until": "9999-12-31T23:59:59-12:00"}):
        assert (await idle.get(path, params=query)).status_code == 422


async def test_lists_come_in_pages(idle: httpx.AsyncClient, database: Database) -> None:
    tenant = await new_tenant(database)
    ids = sorted([(await made(idle, tenant=tenant))["id"] for _ in range(3)])
    first = (await idle.get("/v1/wallets", params={"tenant": tenant, "limit": 2})).json()
    rest = (await idle.get("/v1/wallets", params={"tenant": tenant, "after": first["after"]})).json()
    assert [each["id"] for each in first["wallets"] + rest["wallets"]] == ids
    assert rest["after"] is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": "x" * 201},
        {"currency": "usd"},
        {"floor_micros": 1},
        {"floor_micros": -(10**15) - 1},
        {"tenant": "../x"},
        {"surprise": 1},
    ],
)
async def test_a_wallet_that_cannot_be_is_refused(idle: httpx.AsyncClient, wrong: dict[str, Any]) -> None:
    assert (await idle.post("/v1/wallets", json={"name": "Support", **wrong})).status_code == 422


async def test_what_was_done_is_audited_once(idle: httpx.AsyncClient, database: Database) -> None:
    wallet, key = (await made(idle))["id"], keyed()
    body = {"amount_micros": 5, "reason": "first"}
    for _ in range(2):
        await idle.post(f"/v1/wallets/{wallet}/top-ups", json=body, headers=key)
    await idle.patch(f"/v1/wallets/{wallet}", json={"name": "Other"})
    query = "SELECT action, actor, details FROM audit_entry WHERE object_id = $1 ORDER BY id"
    rows = await database.fetch(query, wallet)
    assert [row["action"] for row in rows] == ["wallet.create", "wallet.top_up", "wallet.change"]
    assert (rows[1]["actor"], rows[1]["details"]["micros"]) == ("local", 5)


async def test_a_loss_is_told_in_the_statement(idle: httpx.AsyncClient, database: Database) -> None:
    books, wallet = Books(database), await filled(idle, 100)
    payer = Payer(wallet, "default", fresh("usr"))
    request = await books.till.held(payer, 100)
    await books.till.post(Post(request, 130))
    (entry,) = (await idle.get(f"/v1/wallets/{wallet}/statement", params={"limit": 1})).json()["entries"]
    assert (entry["micros"], entry["held_change"], entry["lost_micros"]) == (130, -100, 30)
    assert entry["call"]["model"] is None
