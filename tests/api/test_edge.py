import httpx
import pytest
from starlette.types import Message, Scope

from api.app import create_app, routes_only
from api.loopback import is_loopback
from api.openapi import is_stale, main
from api.parts import Parts


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


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": ""},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
async def test_foreign_hosts_and_origins_are_refused(idle: httpx.AsyncClient, headers: dict[str, str]) -> None:
    answer = await idle.get("/v1/requests", headers=headers)
    assert answer.status_code in (400, 403)


async def test_loopback_hosts_and_origins_are_served(idle: httpx.AsyncClient) -> None:
    for headers in ({"Host": "localhost:8080"}, {"Host": "[::1]:8080"}, {"Origin": "http://localhost:5173"}):
        assert (await idle.get("/v1/requests", headers=headers)).status_code == 200


async def test_client_of_another_machine_is_refused(idle_parts: Parts) -> None:
    transport = httpx.ASGITransport(create_app(idle_parts), client=("192.0.2.7", 5000))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as stranger:
        answer = await stranger.get("/v1/requests")
    assert (answer.status_code, answer.json()["code"]) == (403, "client_not_local")


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
            assert kinds <= {"application/problem+json", "application/json"}, (method, path)
