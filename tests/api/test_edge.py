import logging
from dataclasses import replace

import httpx
import pytest
from starlette.types import Message, Scope

from api.app import create_app, routes_only
from api.openapi import is_stale, main
from api.origins import is_loopback
from api.parts import Parts
from tests.keys import api_client


async def test_every_error_is_a_problem_with_the_request_id(idle: httpx.AsyncClient) -> None:
    for method, path, status in (("GET", "/nowhere", 404), ("DELETE", "/v1/requests", 405), ("GET", "/v1", 404)):
        answer = await idle.request(method, path, headers={"X-Request-Id": "abc-1"})
        problem = answer.json()
        assert answer.status_code == problem["status"] == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert problem["request_id"] == answer.headers["x-request-id"] == "abc-1"


async def test_malformed_request_id_is_replaced(idle: httpx.AsyncClient) -> None:
    answer = await idle.get("/livez", headers={"X-Request-Id": "a b\tc"})
    assert answer.headers["x-request-id"] != "a b\tc"


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost.evil.example", "http://["])
async def test_pages_of_foreign_origins_are_refused(idle: httpx.AsyncClient, origin: str) -> None:
    answer = await idle.get("/v1/requests", headers={"Origin": origin})
    assert (answer.status_code, answer.json()["code"]) == (403, "origin_not_allowed")
    assert "access-control-allow-origin" not in answer.headers


async def test_pages_of_this_machine_and_of_the_setting_are_served(idle_parts: Parts) -> None:
    deployment = replace(idle_parts.deployment, allowed_origins=("https://tools.example",))
    transport = httpx.ASGITransport(create_app(replace(idle_parts, deployment=deployment)))
    async with api_client("http://api.example", transport=transport) as page:
        for origin in ("http://localhost:5173", "http://127.0.0.1", "https://tools.example"):
            answer = await page.get("/v1/requests", headers={"Origin": origin})
            assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, origin)
        asked = {"Origin": "https://tools.example", "Access-Control-Request-Method": "POST"}
        told = await page.options("/v1/requests", headers={**asked, "Access-Control-Request-Headers": "authorization"})
        assert (told.status_code, told.headers["access-control-allow-headers"]) == (200, "authorization")


async def test_who_has_a_key_may_call_from_anywhere(idle_parts: Parts) -> None:
    transport = httpx.ASGITransport(create_app(idle_parts), client=("192.0.2.7", 5000))
    async with api_client("http://api.example", transport=transport) as far:
        assert (await far.get("/v1/requests")).status_code == 200


def test_only_this_machine_is_loopback() -> None:
    assert all(is_loopback(host) for host in ("localhost", "LOCALHOST", "127.8.9.1", "::1", "::ffff:127.0.0.1"))
    assert not any(is_loopback(host) for host in ("", "localhost.evil", "10.0.0.1", "::", "0.0.0.0", "evil"))  # noqa: S104  asked about, not listened on


async def test_unexpected_error_tells_nothing_of_its_inside() -> None:
    app = routes_only()

    async def broken() -> None:
        raise ValueError("the secret of the inside")

    app.add_api_route("/broken", broken)
    sent: list[Message] = []
    scope: Scope = {
        "type": "http",
        "method": "GET",
        "path": "/broken",
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
        "client": ("127.0.0.1", 1),
    }
    app.state.parts = None

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    assert sent[0]["status"] == 500
    assert b"secret" not in b"".join(message.get("body", b"") for message in sent)


async def test_the_log_has_no_text_of_a_path(idle: httpx.AsyncClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "longhaul.access")
    known = f"req_{'0' * 32}"
    for named in ("what-a-person-typed", known):
        assert (await idle.get(f"/central-agent/plan/{named}")).status_code == 404
    told = [vars(record)["fields"] for record in caplog.records if record.name == "longhaul.access"]
    assert [line["target"] for line in told] == [None, known]
    assert "what-a-person-typed" not in str(told)


async def test_health_and_documentation_answer(idle: httpx.AsyncClient) -> None:
    assert (await idle.get("/livez")).json() == {"status": "live"}
    assert (await idle.get("/readyz")).json() == {"status": "ready", "database": "up", "temporal": "up"}
    assert (await idle.get("/docs")).status_code == 200
    assert (await idle.get("/openapi.json")).json()["info"]["title"] == "Longhaul"


def test_openapi_document_is_current() -> None:
    assert not is_stale(), "run `make openapi`"
    assert main(["--check"]) == 0


def test_every_operation_documents_its_errors() -> None:
    paths = routes_only().openapi()["paths"]
    for path, operations in paths.items():
        for method, operation in operations.items():
            errors = [operation["responses"][status] for status in operation["responses"] if status >= "400"]
            assert "500" in operation["responses"], (method, path)
            kinds = {kind for error in errors for kind in error.get("content", {})}
            pages: set[str] = {"text/html"} if path.endswith("/callback") else set()
            assert kinds - pages <= {"application/problem+json", "application/json"}, (method, path)


async def test_an_api_without_identities_serves_nobody(idle_parts: Parts) -> None:
    transport = httpx.ASGITransport(create_app(replace(idle_parts, identity=None)))
    async with api_client("http://localhost", transport=transport) as client:
        assert (await client.get("/livez")).status_code == 200
        answer = await client.get("/v1/requests")
    assert (answer.status_code, answer.json()["code"]) == (503, "no_identity")


async def test_a_route_without_a_row_is_open_to_nobody(idle_parts: Parts) -> None:
    app = create_app(idle_parts)
    app.add_api_route("/new", lambda: "secret")
    async with api_client("http://localhost", transport=httpx.ASGITransport(app)) as client:
        answer = await client.get("/new")
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
