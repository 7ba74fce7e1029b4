"""Something of everything that is asked about by its id, made over the API: new for each operation that is fuzzed."""

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx

MODEL: Final = "longhaul-sim"
THING: Final = "thing-"
"""How names of things begin."""
OF_EACH: Final = 2
"""One may be gone when it is asked about."""
PASSWORD: Final = "correct horse battery"
PLANNED_WITHIN_S: Final = 20.0
THREE: Final = "Write about rain. Write about snow. Then compare them."
Json = dict[str, Any]

_HELLO: Final = [{"role": "user", "content": "Hello!"}]
_FIELDS: Final[Mapping[str, list[object]]] = {
    "model": [MODEL],
    "messages": [_HELLO],
    "prompt": ["Hello!"],
    "input": ["Hello!"],
    "max_tokens": [16],
    "roles": [["member"]],
    "permissions": [["models.read"]],
    "value": [5],
    "to_version": [1],
    "from": [1],
    "to": [1],
    "from_step": ["s1"],
    "generation": [1],
    "expected_revision": [1],
    "micros": [1000],
    "amount_micros": [1000],
    "limit_micros": [1_000_000],
    "if-match": ["*", '"1"'],
}
_REFERRED: Final[Mapping[str, str]] = {
    "user_id": "users",
    "provider_id": "providers",
    "account_id": "accounts",
    "deployment_id": "deployments",
    "server": "tool-servers",
}
"""Which fields are ids of what."""


@dataclass(frozen=True)
class Things:
    """Values that exist: of `{id}` in `/v1/users/{id}` under `users`; of a header, or a field, under its name."""

    in_paths: Mapping[str, Sequence[object]]
    fields: Mapping[str, Sequence[object]]

    def of(self, own: Mapping[str, Sequence[object]]) -> "Things":
        """Return the same with what is a caller's own."""
        return Things({**self.in_paths, **own}, self.fields)


class Seeds:
    """Makes things as an admin makes them. `oidc`: where a provider for signing in is."""

    def __init__(self, admin: httpx.Client, simulator: str, oidc: str) -> None:
        """Make what others refer to."""
        self._admin = admin
        self._simulator = simulator
        self._oidc = oidc
        self._numbers = itertools.count()
        self._makers: Mapping[str, Callable[[], object]] = {
            "tool-servers": self._tool_server,
            "tool-rules": self._rule,
            "providers": self._provider,
            "accounts": self._account,
            "deployments": self._deployment,
            "routes": self._route,
            "nodes": self._node,
            "oidc": self._sign_in,
            "oidc-providers": self._sign_in,
            "users": self._user,
            "roles": self._role,
            "grants": self._grant,
            "keys": self._key,
            "tenants": self._tenant,
            "limits": self._limit,
            "wallets": lambda: self._made("wallets", {"name": self._name(), "currency": "USD", "floor_micros": 0}),
            "budgets": self._budget,
        }
        self._fields = {name: list(values) for name, values in _FIELDS.items()}
        for field, kind in _REFERRED.items():
            self._fields[field] = [self._makers[kind]()]
        self._fields["issuer"] = [oidc]
        self._fields["subject"] = [f"user:{self._fields['user_id'][0]}"]

    def things(self, kinds: Sequence[str]) -> Things:
        """Return what exists, with new things of some kinds."""
        in_paths: dict[str, Sequence[object]] = {"models": [MODEL], "settings": ["request_max_steps", "log_keep_days"]}
        for kind in kinds:
            if kind in self._makers:
                in_paths[kind] = [self._makers[kind]() for _ in range(OF_EACH)][::-1]
        return Things(in_paths, self._fields)

    def waiting(self) -> Things:
        """Return what exists, with requests that wait for an approval."""
        made = [waiting_request(self._admin) for _ in range(OF_EACH)]
        requests = [request for request, _ in made]
        fields: dict[str, Sequence[object]] = {**self._fields, "decision": ["approve"]}
        fields["approval_id"] = [approval for _, approval in made]
        return Things({"requests": requests, "steps": ["s1"]}, fields)

    def with_revision(self) -> Things:
        """Return what exists, with a setting that was changed, and to which revision it can go back."""
        found = self.things(())
        changed = self._admin.put("/v1/settings/request_max_steps", json={"value": 7, "why": "fuzzing"})
        assert changed.is_success, changed.text
        fields = {**self._fields, "revision": [changed.json()["revision"]]}
        return Things({**found.in_paths, "settings": ["request_max_steps"]}, fields)

    def person(self) -> tuple[Things, str]:
        """Return what exists, with somebody who has logged in, and their access token."""
        name = self._name()
        user = self._made("users", {"name": name})
        said = self._admin.put(f"/v1/users/{user}/password", json={"password": PASSWORD, "must_change": False})
        assert said.is_success, said.text
        form = {"grant_type": "password", "username": name, "password": PASSWORD}
        granted = [self._admin.post("/v1/auth/token", data=form) for _ in range(OF_EACH + 1)]
        assert all(answer.is_success for answer in granted), granted[0].text
        own, *others = [answer.json() for answer in granted]
        fields = {"username": [name], "password": [PASSWORD], "new_password": ["another horse battery"]}
        fields["grant_type"] = ["password"]
        sessions = [other["session_id"] for other in others]
        return Things({"sessions": sessions}, {**self._fields, **fields}), str(own["access_token"])

    def _name(self) -> str:
        return f"{THING}{next(self._numbers)}"

    def _made(self, kind: str, body: Json) -> str:
        """Make one; return its id, or the name that is its id."""
        answer = self._admin.post(f"/v1/{kind}", json=body)
        assert answer.is_success, f"{kind}: {answer.text}"
        told: Json = answer.json()
        made: Json = told.get("rule") or told.get("key") or told
        return str(made.get("id") or made.get("number") or made["name"])

    def _user(self) -> str:
        return self._made("users", {"name": self._name()})

    def _tenant(self) -> str:
        """Make a tenant with a wallet, which is then the one that is known."""
        tenant = self._made("tenants", {"name": self._name()})
        self._fields["wallet"] = [self._made("wallets", {"name": self._name(), "currency": "USD", "tenant": tenant})]
        return tenant

    def _tool_server(self) -> str:
        reach = {"transport": "http", "url": f"{self._simulator}/no-tools"}
        return self._made("tool-servers", {"id": self._name(), "reach": reach})

    def _rule(self) -> int:
        return int(self._made("tool-rules", {"server": self._name(), "decision": "ask"}))

    def _provider(self) -> str:
        return self._made("pool/providers", {"id": self._name(), "dialect": "openai", "base_url": self._simulator})

    def _account(self) -> str:
        body = {"id": self._name(), "provider_id": self._provider(), "credential": "key-of-a-thing"}
        return self._made("pool/accounts", body)

    def _deployment(self) -> str:
        name = self._name()
        return self._made("pool/deployments", {"id": name, "account_id": self._account(), "model": name})

    def _route(self) -> str:
        targets = [{"deployment_id": self._deployment()}]
        return self._made("pool/routes", {"name": self._name(), "targets": targets})

    def _node(self) -> str:
        name = self._name()
        answer = self._admin.put(f"/v1/pool/nodes/{name}", json={"base_url": self._simulator, "models": [name]})
        assert answer.is_success, answer.text
        return name

    def _sign_in(self) -> str:
        body = {"name": "Theirs", "issuer": self._oidc, "client_id": "us", "client_auth": "none", "allow_private": True}
        return self._made("oidc-providers", {"id": self._name(), **body})

    def _role(self) -> str:
        return self._made("roles", {"name": self._name(), "permissions": ["models.read"]})

    def _grant(self) -> str:
        who = {"subject_kind": "user", "subject": self._user()}
        return self._made("grants", {**who, "kind": "model", "pattern": "gpt-4*"})

    def _key(self) -> str:
        return self._made("keys", {"name": self._name(), "user_id": self._user()})

    def _limit(self) -> str:
        return self._made(
            "limits", {"subject": f"user:{self._user()}", "kind": "requests", "amount": 9, "window_s": 60}
        )

    def _budget(self) -> str:
        return self._made("budgets", {"subject": f"user:{self._user()}", "period": "month", "limit_micros": 20_000_000})


def own_work(caller: httpx.Client) -> Mapping[str, Sequence[object]]:
    """Make a request and a call of a caller's own; return them by kind, as in `Things.in_paths`."""
    user = caller.get("/v1/me").json()["user"]["id"]
    request = _submitted(caller, {"message": THREE, "user_id": user, "options": {"model": MODEL}})
    ended = caller.get(f"/v1/requests/{request}", params={"wait": 30}, timeout=40).json()
    assert ended["phase"] == "done", ended
    chat = caller.post("/v1/chat/completions", json={"model": MODEL, "messages": _HELLO})
    assert chat.is_success, chat.text
    calls = [chat.headers["x-longhaul-request-id"]]
    return {"requests": [request], "plan": [request], "steps": ["s1"], "calls": calls, "user": [user]}


def waiting_request(caller: httpx.Client) -> tuple[str, str]:
    """Make a request whose plan waits for approval; return its id and the approval's."""
    request = _submitted(caller, {"message": THREE, "options": {"model": MODEL, "approval": "plan"}})
    until = time.monotonic() + PLANNED_WITHIN_S
    while time.monotonic() < until:
        approvals = caller.get(f"/v1/requests/{request}").json()["approvals"]
        if approvals:
            return request, str(approvals[0]["id"])
        time.sleep(0.05)
    raise AssertionError("no approval was asked for")


def _submitted(caller: httpx.Client, body: Json) -> str:
    answer = caller.post("/v1/requests", json=body)
    assert answer.is_success, answer.text
    return str(answer.json()["id"])
