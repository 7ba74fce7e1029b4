"""Something of everything that is asked about by its id, made over the API as an admin makes it."""

from collections.abc import Mapping
from typing import Any, Final

import httpx

from tests.api.fuzz.subject import Things

MODEL: Final = "longhaul-sim"
OF_EACH: Final = 3
"""Some will be gone when they are asked about."""
Json = dict[str, Any]

_FIELDS: Final[Mapping[str, list[object]]] = {
    "model": [MODEL],
    "messages": [[{"role": "user", "content": "Hello!"}]],
    "prompt": ["Hello!"],
    "input": ["Hello!"],
    "max_tokens": [16],
    "roles": [["member"]],
    "permissions": [["models.read"]],
    "value": [5],
    "to_version": [1],
    "generation": [1],
    "expected_revision": [1],
    "micros": [1000],
    "amount_micros": [1000],
    "limit_micros": [1_000_000],
    "if-match": ["*", '"1"'],
}


async def make(admin: httpx.AsyncClient, simulator: str) -> Things:
    """Make them."""
    in_paths: dict[str, list[object]] = {"models": [MODEL], "settings": ["request_max_steps", "log_keep_days"]}
    fields = {name: list(values) for name, values in _FIELDS.items()}
    for number in range(OF_EACH):
        name = f"thing-{number}"
        user = await _made(admin, "users", {"name": name})
        made = {**await _work(admin), **await _rights(admin, user, name), **await _pool(admin, simulator, name)}
        for kind, value in {**made, **await _money(admin, user, name)}.items():
            in_paths.setdefault(kind, []).append(value)
        for field, kind in _IDS.items():
            fields.setdefault(field, []).append(made[kind])
        fields.setdefault("subject", []).append(f"user:{user}")
    return Things(in_paths, fields)


_IDS: Final = {
    "request_id": "requests",
    "call_id": "calls",
    "user_id": "users",
    "provider_id": "providers",
    "account_id": "accounts",
    "deployment_id": "deployments",
    "server": "tool-servers",
}
"""Which fields are ids of what."""


async def _work(admin: httpx.AsyncClient) -> Json:
    request = await _made(admin, "requests", {"message": "Say hello", "options": {"model": MODEL}})
    chat = await admin.post("/v1/chat/completions", json={"model": MODEL, "messages": _FIELDS["messages"][0]})
    assert chat.is_success, chat.text
    return {"requests": request, "plan": request, "steps": "answer", "calls": chat.headers["x-longhaul-request-id"]}


async def _rights(admin: httpx.AsyncClient, user: str, name: str) -> Json:
    role = {"name": name, "permissions": ["models.read"]}
    grant = {"subject_kind": "user", "subject": user, "kind": "model", "pattern": "gpt-4*"}
    login = {"id": name, "name": name, "issuer": "https://login.example.com", "client_id": "us", "client_auth": "none"}
    limit = {"subject": f"user:{user}", "kind": "requests", "amount": 600, "window_s": 60}
    return {
        "users": user,
        "keys": await _made(admin, "keys", {"name": name, "user_id": user}),
        "roles": await _made(admin, "roles", role),
        "grants": await _made(admin, "grants", grant),
        "tenants": await _made(admin, "tenants", {"name": name}),
        "oidc": await _made(admin, "oidc-providers", login),
        "oidc-providers": name,
        "limits": await _made(admin, "limits", limit),
    }


async def _pool(admin: httpx.AsyncClient, simulator: str, name: str) -> Json:
    account = {"id": name, "provider_id": name, "credential": "key-of-a-thing"}
    tools = {"id": name, "reach": {"transport": "http", "url": f"{simulator}/no-tools"}}
    return {
        "providers": await _made(admin, "pool/providers", {"id": name, "dialect": "openai", "base_url": simulator}),
        "accounts": await _made(admin, "pool/accounts", account),
        "deployments": await _made(admin, "pool/deployments", {"id": name, "account_id": name, "model": name}),
        "routes": await _made(admin, "pool/routes", {"name": name, "targets": [{"deployment_id": name}]}),
        "tool-servers": await _made(admin, "tool-servers", tools),
        "nodes": name,
    }


async def _money(admin: httpx.AsyncClient, user: str, name: str) -> Json:
    budget = {"subject": f"user:{user}", "period": "month", "limit_micros": 20_000_000}
    return {
        "wallets": await _made(admin, "wallets", {"name": name, "currency": "USD", "floor_micros": 0}),
        "budgets": await _made(admin, "budgets", budget),
    }


async def _made(admin: httpx.AsyncClient, kind: str, body: Json) -> str:
    """Make one; return its id, or the name that is its id."""
    answer = await admin.post(f"/v1/{kind}", json=body)
    assert answer.is_success, f"{kind}: {answer.text}"
    made: Json = answer.json()
    return str(made.get("key", made).get("id") or made["name"])
