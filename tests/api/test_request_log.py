import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
from fastapi import APIRouter, FastAPI, Request, WebSocket
from starlette.responses import Response, StreamingResponse
from starlette.types import Message, Scope

from api import access
from api.access_rows import ACCESS
from api.app import create_app
from api.gateway.following import CacheUse
from api.gateway.headers import CALL_ID
from api.parts import Parts
from api.request_log import note, note_model
from domain.budget import Usage
from domain.gateway import CallError, CallOutcome, Routing, Try
from domain.permissions import Permission
from services.storage.api_log import ApiCallRow, ApiLog
from services.storage.database import Database
from tests.api.logged import row_of, rows_of, search, tag
from tests.api.served import parts_like, serving
from tests.keys import api_client, bearer, settle
from tests.storage.samples import until

Json = dict[str, Any]
CALL = "call_" + "0" * 32


async def test_a_call_leaves_a_row_without_its_content(idle: httpx.AsyncClient) -> None:
    mark = tag()
    before = datetime.now(UTC)
    await idle.post(
        "/v1/requests?secret=query", json={"message": "the secret of the body"}, headers={"X-Request-Id": mark}
    )
    row = await row_of(idle, mark)
    assert (row["method"], row["route"], row["status"], row["owner"]) == ("POST", "/v1/requests", 202, "local")
    assert before <= datetime.fromisoformat(row["at"]) <= datetime.now(UTC)
    assert row["duration_ms"] >= 0
    assert "secret" not in str(row)


async def test_a_row_names_the_template_and_the_request_of_the_path(idle: httpx.AsyncClient) -> None:
    mark, request_id = tag(), f"req_{secrets.token_hex(16)}"
    await idle.get(f"/v1/requests/{request_id}/plan", headers={"X-Request-Id": mark})
    row = await row_of(idle, mark)
    assert (row["route"], row["call_id"]) == ("/v1/requests/{request_id}/plan", request_id)
    assert (row["status"], row["error_code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("call", "body", "logged"),
    [
        ("GET /nowhere/secret", None, ("GET", "(none)", 404, "not_found")),
        ("PROPFIND /v1/requests", None, ("OTHER", "/v1/requests", 405, "method_not_allowed")),
        ("POST /v1/requests", b"{", ("POST", "/v1/requests", 400, "malformed_json")),
        ("GET /v1/requests/not-an-id", None, ("GET", "/v1/requests/{request_id}", 404, "not_found")),
        ("POST /mcp", b"{", ("POST", "/mcp", 400, "malformed_json")),
    ],
)
async def test_refusals_are_logged_with_their_code(
    idle: httpx.AsyncClient, call: str, body: bytes | None, logged: tuple[str, str, int, str]
) -> None:
    mark, (method, path) = tag(), call.split()
    headers = {"X-Request-Id": mark, "Content-Type": "application/json"}
    await idle.request(method, path, content=body, headers=headers)
    row = await row_of(idle, mark)
    assert (row["method"], row["route"], row["status"], row["error_code"]) == logged
    assert row["call_id"] is None


async def test_a_stranger_that_is_turned_away_is_logged(idle: httpx.AsyncClient) -> None:
    mark = tag()
    await idle.get("/v1/requests", headers={"X-Request-Id": mark, "Authorization": "Bearer lh_nobody"})
    (row,) = await rows_of(idle, mark, owner="nobody")
    assert (row["route"], row["status"], row["error_code"]) == ("(none)", 401, "unauthenticated")
    assert await search(idle, request_id=mark) == []


async def test_health_metrics_and_documents_leave_none(idle: httpx.AsyncClient) -> None:
    mark, last = tag(), tag()
    for path in ("/livez", "/readyz", "/metrics", "/docs", "/openapi.json"):
        assert (await idle.get(path, headers={"X-Request-Id": mark})).is_success
    await idle.get("/v1/requests", headers={"X-Request-Id": last})
    await row_of(idle, last)
    assert await search(idle, request_id=mark) == []


async def test_a_search_is_paged_newest_first_and_narrowed(idle: httpx.AsyncClient) -> None:
    marks = [tag() for _ in range(5)]
    for mark in marks:
        await idle.get("/v1/context", headers={"X-Request-Id": mark})
    await row_of(idle, marks[-1])
    seen: list[str] = []
    cursor: Json = {}
    while len(seen) < 5:
        answer = await idle.get("/v1/api-calls", params={"route": "/v1/context", "limit": 2, **cursor})
        seen += [row["request_id"] for row in answer.json()["calls"]]
        cursor = {"cursor": answer.json()["cursor"]}
    assert [each for each in seen if each in marks] == marks[::-1]


@pytest_asyncio.fixture
async def written(database: Database) -> ApiCallRow:
    """A row as a gateway call leaves it, of a time when nothing else was."""
    mark = secrets.token_hex(8)
    row = ApiCallRow(
        at=datetime(2026, 2, 3, tzinfo=UTC) + timedelta(seconds=secrets.randbelow(10**6)),
        request_id=mark,
        owner="local",
        method="POST",
        route="/v1/chat/completions",
        status=429,
        duration_ms=1500,
        call_id=f"call_{mark}",
        error_code=f"code-{mark}",
        model=f"m-{mark}",
        account=f"a-{mark}",
        deployment=f"d-{mark}",
    )
    log = ApiLog(database)
    log.start()
    log.add(row)
    await log.close()
    return row


async def test_a_search_finds_by_each_of_its_fields(idle: httpx.AsyncClient, written: ApiCallRow) -> None:
    around = {"since": written.at.isoformat(), "until": (written.at + timedelta(milliseconds=1)).isoformat()}
    same = ("route", "method", "model", "account", "deployment", "error_code", "call_id", "request_id")
    right: Json = {name: getattr(written, name) for name in same}
    for narrowed in (*({name: value} for name, value in right.items()), {"status": "429"}, {"status": "4xx"}):
        assert [row["call_id"] for row in await search(idle, **around, **narrowed)] == [written.call_id], narrowed
    assert len(await search(idle, **around, min_duration_ms=1500)) == 1
    wrong: list[Json] = [*({name: "other"} for name in same), {"status": "5xx"}, {"min_duration_ms": 1501}]
    for narrowed in wrong:
        assert await search(idle, **around, **narrowed) == [], narrowed


async def test_a_search_looks_back_a_day_unless_it_names_a_call_or_a_time(
    idle: httpx.AsyncClient, written: ApiCallRow
) -> None:
    assert await search(idle, model=written.model) == []
    assert len(await search(idle, call_id=written.call_id)) == 1
    assert len(await search(idle, model=written.model, since="2026-01-01T00:00:00Z")) == 1
    assert await search(idle, call_id=written.call_id, until=written.at.isoformat()) == []


@pytest.mark.parametrize(
    "query",
    [
        {"status": "6xx"},
        {"status": "40"},
        {"cursor": "x"},
        {"cursor": "９"},
        {"cursor": "9" * 20},
        {"since": "yesterday"},
        {"since": "2026-01-01T00:00:00"},
        {"limit": 0},
        {"limit": 501},
        {"min_duration_ms": -1},
        {"model": "a\x00b"},
        {"unknown": "1"},
    ],
)
async def test_a_wrong_search_is_a_422(idle: httpx.AsyncClient, query: Json) -> None:
    answer = await idle.get("/v1/api-calls", params=query)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")


async def test_other_owners_rows_are_not_shown(idle: httpx.AsyncClient, database: Database) -> None:
    mark = tag()
    log = ApiLog(database)
    log.start()
    log.add(ApiCallRow(datetime.now(UTC), mark, "somebody-else", "GET", "/v1/requests", 200, 1))
    await log.close()
    assert await search(idle, request_id=mark) == []


async def test_calls_are_counted_by_route_and_status(idle: httpx.AsyncClient, written: ApiCallRow) -> None:
    around = {"since": written.at.isoformat(), "until": (written.at + timedelta(milliseconds=1)).isoformat()}
    answer = await idle.get("/v1/api-calls/summary", params=around)
    (counted,) = answer.json()["counts"]
    assert (counted["route"], counted["status"], counted["calls"]) == ("/v1/chat/completions", 429, 1)
    assert (counted["p50_ms"], counted["p95_ms"]) == (1500, 1500)
    assert (await idle.get("/v1/api-calls/summary")).status_code == 200


def outcome(**changes: Any) -> CallOutcome:
    fields: Json = {
        "phase": "done",
        "usage": Usage(input_tokens=2**40, cached_tokens=3, output_tokens=5),
        "cost_micros": 70,
        "routing": Routing(
            model="m",
            provider="p",
            account="a",
            deployment="d2",
            tries=(
                Try(deployment="d1", account="a", outcome="model_throttled", ms=9),
                Try(deployment="d2", account="a", outcome="ok"),
            ),
        ),
        "waited_ms": 4,
        "first_token_ms": 6,
        "total_ms": 8,
    }
    return CallOutcome(**{**fields, **changes})


FULL = CallError(status=503, type="server_error", code="no_capacity", message="full")


@dataclass
class Call:
    """A call as its route follows it."""

    outcome: CallOutcome | None
    cache: str = "MISS"
    call_id: str = CALL


class Doors:
    """Routes that behave as the gateway's do."""

    def __init__(self) -> None:
        self.router = APIRouter()
        self.router.add_api_route("/doors/answer", self.answer, methods=["POST"])
        self.router.add_api_route("/doors/job", self.job, methods=["POST"])
        self.router.add_api_route("/doors/stream", self.stream)
        self.router.add_api_websocket_route("/doors/socket", self.socket)
        self.followed = Call(outcome())
        self.streaming = asyncio.Event()

    async def answer(self, request: Request) -> None:
        note_model(request.scope, "asked")
        note(request, self.followed)

    async def job(self) -> Response:
        return Response(status_code=202, headers={CALL_ID: CALL})

    async def stream(self, request: Request) -> StreamingResponse:
        async def chunks() -> AsyncIterator[bytes]:
            yield b"data: 1\n\n"
            await self.streaming.wait()
            self.followed.outcome = outcome()
            yield b"data: 2\n\n"

        self.followed.outcome = None
        note(request, self.followed)
        return StreamingResponse(chunks())

    async def socket(self, socket: WebSocket) -> None:
        await socket.accept()
        for ended in (outcome(), CallOutcome(phase="failed", error=FULL), None):
            note(socket, Call(ended), model="asked")
        await socket.close()


@pytest.fixture
def doors() -> Doors:
    return Doors()


@pytest_asyncio.fixture
async def app(idle_parts: Parts, doors: Doors, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FastAPI]:
    """The application with the doors, its log written at its end."""
    parts = parts_like(idle_parts)
    made = create_app(parts)
    rows = ("POST /doors/answer", "POST /doors/job", "GET /doors/stream", "WEBSOCKET /doors/socket")
    monkeypatch.setattr(access, "ACCESS", {**ACCESS, **dict.fromkeys(rows, Permission.LOG_READ)})
    made.include_router(doors.router)
    log = made.state.api_log = ApiLog(idle_parts.database)
    log.start()
    yield made
    await log.close()
    await settle(parts)


@pytest_asyncio.fixture
async def at_doors(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 1))
    async with api_client("http://localhost", transport=transport) as client:
        yield client


async def test_a_gateway_call_is_logged_with_who_answered_and_what_it_cost(
    at_doors: httpx.AsyncClient, idle: httpx.AsyncClient
) -> None:
    mark = tag()
    await at_doors.post("/doors/answer", headers={"X-Request-Id": mark})
    row = await row_of(idle, mark)
    assert (row["call_id"], row["cache"], row["attempts"]) == (CALL, "MISS", 2)
    assert (row["model"], row["provider"], row["account"], row["deployment"]) == ("m", "p", "a", "d2")
    assert (row["first_token_ms"], row["cached_tokens"], row["output_tokens"], row["cost_micros"]) == (6, 3, 5, 70)
    assert row["input_tokens"] == 2**31 - 1, "a provider's absurd count is cut, and costs no row"
    assert row["details"]["tries"][0] == {"deployment": "d1", "account": "a", "outcome": "model_throttled", "ms": 9}
    assert (row["status"], row["error_code"]) == (200, None)


async def test_a_failed_call_is_logged_with_its_error_and_the_model_asked_for(
    at_doors: httpx.AsyncClient, idle: httpx.AsyncClient, doors: Doors
) -> None:
    mark, doors.followed.outcome = tag(), CallOutcome(phase="failed", error=FULL)
    await at_doors.post("/doors/answer", headers={"X-Request-Id": mark})
    row = await row_of(idle, mark)
    assert (row["error_code"], row["model"], row["attempts"], row["provider"]) == ("no_capacity", "asked", 0, None)


async def test_an_answer_from_the_cache_cost_nothing(
    at_doors: httpx.AsyncClient, idle: httpx.AsyncClient, doors: Doors
) -> None:
    mark, doors.followed.cache = tag(), CacheUse.HIT
    await at_doors.post("/doors/answer", headers={"X-Request-Id": mark})
    row = await row_of(idle, mark)
    assert (row["cache"], row["cost_micros"], row["output_tokens"]) == ("HIT", 0, 5)


async def test_a_job_is_logged_by_its_id(at_doors: httpx.AsyncClient, idle: httpx.AsyncClient) -> None:
    mark = tag()
    await at_doors.post("/doors/job", headers={"X-Request-Id": mark})
    row = await row_of(idle, mark)
    assert (row["status"], row["call_id"], row["details"]) == (202, CALL, None)


def scope_of(app: FastAPI, kind: str, path: str, mark: str) -> Scope:
    return {
        "type": kind,
        "app": app,
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http" if kind == "http" else "ws",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [
            (b"host", b"localhost"),
            (b"x-request-id", mark.encode()),
            (b"authorization", bearer()["Authorization"].encode()),
        ],
        "client": ("127.0.0.1", 1),
        "subprotocols": [],
    }


async def test_a_stream_is_logged_at_its_end(app: FastAPI, idle: httpx.AsyncClient, doors: Doors) -> None:
    mark, sent = tag(), list[Message]()

    async def receive() -> Message:
        return await asyncio.Future()

    async def send(message: Message) -> None:
        sent.append(message)

    serving_it = asyncio.create_task(app(scope_of(app, "http", "/doors/stream", mark), receive, send))
    await until(lambda: has(sent, 2))
    log: ApiLog = app.state.api_log
    assert log.waiting == log.written == 0
    doors.streaming.set()
    await serving_it
    row = await row_of(idle, mark)
    assert (row["status"], row["cost_micros"], row["call_id"]) == (200, 70, CALL)


async def has(sent: list[Message], messages: int) -> bool:
    return len(sent) >= messages


async def test_a_client_that_leaves_a_stream_is_a_499(app: FastAPI, idle: httpx.AsyncClient) -> None:
    mark, sent, left = tag(), list[Message](), asyncio.Event()

    async def receive() -> Message:
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    serving_it = asyncio.create_task(app(scope_of(app, "http", "/doors/stream", mark), receive, send))
    await until(lambda: has(sent, 2))
    left.set()
    await serving_it
    row = await row_of(idle, mark)
    assert (row["status"], row["call_id"], row["cost_micros"]) == (499, CALL, 0)


async def test_each_call_through_a_websocket_is_a_row_and_so_is_the_websocket(
    app: FastAPI, idle: httpx.AsyncClient
) -> None:
    mark, sent = tag(), list[Message]()

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope_of(app, "websocket", "/doors/socket", mark), receive, send)

    rows = await rows_of(idle, mark, 4)
    assert sorted(row["status"] for row in rows) == [101, 200, 499, 503]
    assert {row["method"] for row in rows} == {"WEBSOCKET"}
    assert {row["route"] for row in rows} == {"/doors/socket"}
    assert [row["error_code"] for row in rows if row["status"] == 503] == ["no_capacity"]


async def test_a_real_client_that_leaves_an_event_stream_is_a_499(idle: httpx.AsyncClient) -> None:
    mark = tag()
    accepted = await idle.post("/v1/requests", json={"message": "wait"})
    path = f"/v1/requests/{accepted.json()['id']}/events"
    async with idle.stream("GET", path, headers={"X-Request-Id": mark}) as stream:
        await anext(stream.aiter_bytes())
    row = await row_of(idle, mark)
    assert (row["route"], row["status"]) == ("/v1/requests/{request_id}/events", 499)


async def test_what_waits_is_stored_when_the_api_stops(idle_parts: Parts, idle: httpx.AsyncClient) -> None:
    mark = tag()
    async with serving(parts_like(idle_parts)) as api:
        await api.get("/v1/requests", headers={"X-Request-Id": mark})
    assert len(await search(idle, request_id=mark)) == 1


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
async def test_a_moment_out_of_all_bounds_is_no_fault_of_ours(idle: httpx.AsyncClient, moment: str) -> None:
    for name in ("since", "until"):
        for path in ("/v1/api-calls", "/v1/api-calls/summary"):
            answer = await idle.get(path, params={name: moment})
            assert answer.status_code == 200, answer.text
