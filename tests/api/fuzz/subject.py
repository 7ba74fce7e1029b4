"""What is fuzzed: every operation of the document of this build, with data that fits it and data that does not.

Where a value that exists is at hand, it mostly takes the place of a generated one, and optional headers are mostly left
out: else nearly all would be refused at the door. Times that a caller may choose are bounded, so that no case waits.
Before all that each operation is asked once as its document says, about things that are there.
"""

import copy
import re
import zlib
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any, Final, cast

import hypothesis
import requests
import schemathesis
import schemathesis.checks
from hypothesis import HealthCheck, Phase, given
from hypothesis import strategies as st
from schemathesis import APIOperation, Case, CheckContext, Config, GenerationMode, Response
from schemathesis.config import GenerationConfig, ProjectConfig, ProjectsConfig
from schemathesis.specs.openapi import checks as openapi_checks

from api.app import routes_only
from tests.api.fuzz.things import THING, Seeds, Things

ANSWERED_WITHIN_S: Final = 15.0
_ENOUGH_S: Final = 10
"""A time-out that no call of the simulated model reaches: who asks for less is rightly answered 504."""
_MODES: Final = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
_WAITS: Final = frozenset({"wait", "wait_s", "timeout_s"})
_WAIT_BY_THEMSELVES: Final = frozenset({"/central-agent/process", "/central-agent/test-mcp"})

_AT_PROVIDERS: Final = "/v1/auth/oidc/{provider}/"
"""These ask an OpenID provider, of which examples of the document name one that is not there."""
_LOGGED_IN: Final = ("/v1/auth/token", "/v1/auth/logout", "/v1/auth/sessions", "/v1/auth/password")
"""What is asked by who has logged in, too: a key has no session."""
_CHECKS: Final[Any] = openapi_checks
_SERVER_CHECKS: Final[Any] = schemathesis.checks
_IN_PATH: Final = re.compile(r"([a-z-]+)/\{(\w+)\}")
_MOSTLY: Final = st.sampled_from([True, True, False])
Operation = APIOperation[Any, Any, Any, Any]
"""One method of one path."""
Draw = Callable[[st.SearchStrategy[Any]], Any]


def _operations(document: Mapping[str, Any]) -> dict[str, Operation]:
    generation = GenerationConfig(with_security_parameters=False)
    config = Config(projects=ProjectsConfig(default=ProjectConfig(generation=generation)))
    schema: Any = schemathesis.openapi.from_dict({**document}, config=config)
    found: list[Operation] = [each.ok() for each in schema.get_all_operations()]
    return {operation.label: operation for operation in found}


def _examples(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the document gives as the example of a body, by method and path."""
    found: dict[str, Any] = {}
    for path, methods in document["paths"].items():
        for method, said in methods.items():
            body = said.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
            name = body.get("$ref", "").rpartition("/")[2]
            example = document["components"]["schemas"].get(name, {}).get("example")
            if example is not None:
                found[f"{method.upper()} {path}"] = example
    return found


BODIES: Final[Mapping[str, dict[str, Any]]] = {
    "POST /v1/requests/{request_id}/amend": {
        "expected_version": 1,
        "edits": [{"op": "set_prompt", "step_id": "s1", "prompt": "Write about hail."}],
    },
    "POST /v1/requests/{request_id}/fork": {"from_step": "s1"},
    "POST /central-agent/process": {"message": "Hello!", "userId": "somebody", "wait": 0},
    "PUT /v1/tool-servers/{server_id}": {"reach": {"transport": "http", "url": "https://example.org/mcp"}},
    "PUT /v1/users/{id}": {"name": "another-user", "display_name": "Another User"},
    "PUT /v1/tenants/{id}": {"name": "another-tenant", "wallet": None},
    "POST /v1/oidc-providers": {
        "id": "theirs",
        "name": "Theirs",
        "issuer": None,
        "client_id": "us",
        "client_auth": "none",
        "allow_private": True,
    },
    "PUT /v1/oidc-providers/{id}": {
        "id": None,
        "name": "Theirs",
        "issuer": None,
        "client_id": "us",
        "client_auth": "none",
        "allow_private": True,
    },
    "POST /v1/grants": {"subject_kind": "role", "subject": "member", "kind": "model", "pattern": "gpt-4*"},
}
"""What is asked of operations whose document has no example that fits what there is; None: what exists of that name."""

_DOCUMENT: Final = routes_only().openapi()
_EXAMPLES: Final = _examples(_DOCUMENT)
OPERATIONS: Final = _operations(_DOCUMENT)
"""By method and path."""


@dataclass(frozen=True)
class FuzzCaller:
    """Who asks, with which headers, how many of an operation's cases in `make test`, and what is theirs alone."""

    role: str
    headers: Mapping[str, str]
    share: int
    own: Mapping[str, Sequence[object]] = field(default_factory=dict[str, Sequence[object]])


@dataclass(frozen=True)
class Served:
    """The API that is asked, by whom (the admin is the first), and who makes what there is in it."""

    url: str
    callers: Sequence[FuzzCaller]
    seeds: Seeds


def answer_fits_its_schema(context: CheckContext, response: Response, case: Case[Operation]) -> bool | None:
    """Check an answer against its schema; of streams the document says no more than that they are text."""
    if any(kind.startswith("text/event-stream") for kind in response.headers.get("content-type", ())):
        return None
    fits: bool | None = _CHECKS.response_schema_conformance(context, response, case)
    return fits


def is_no_fault_of_ours(context: CheckContext, response: Response, case: Case[Operation]) -> bool | None:
    """Check that nothing failed here. That an OpenID provider does not answer which is not there is told by 503."""
    if response.status_code == HTTPStatus.SERVICE_UNAVAILABLE and case.path.startswith(_AT_PROVIDERS):
        missing = not str(case.path_parameters.get("provider")).startswith(THING)
        if missing and "the OpenID provider" in response.text:
            return None
    whole: bool | None = _SERVER_CHECKS.not_a_server_error(context, response, case)
    return whole


CHECKS: Final[list[Any]] = [
    is_no_fault_of_ours,
    _CHECKS.status_code_conformance,
    _CHECKS.content_type_conformance,
    answer_fits_its_schema,
]


def fuzz(served: Served, label: str, times: int) -> set[int]:
    """Ask an operation `times` as often as each caller's share, check every answer, and return their statuses.

    The first caller asks once more, and first, as the document's example does.
    """
    operation, seen = OPERATIONS[label], set[int]()
    things, callers = _world_of(served, operation)
    for number, caller in enumerate(callers):
        with requests.Session() as session:
            session.trust_env = False
            session.headers.update(caller.headers)
            if caller.headers:
                session.get(f"{served.url}/v1/me", timeout=ANSWERED_WITHIN_S).raise_for_status()  # still let in
            ask, theirs = _Asking(served.url, session, seen), things.of(caller.own)
            if number == 0:
                ask(fitting(operation, theirs))
            _ask(ask, _cases(operation, theirs), f"{label} {caller.role}", caller.share * times)
    return seen


def _world_of(served: Served, operation: Operation) -> tuple[Things, Sequence[FuzzCaller]]:
    """Return what there is for an operation to be about, and who asks."""
    first, *others = served.callers
    path = operation.path
    if path.startswith(_LOGGED_IN):
        things, token = served.seeds.person()
        return things, (FuzzCaller("person", {"Authorization": f"Bearer {token}"}, 2), first, *others)
    if path.startswith("/v1/requests/{") and operation.method.upper() == "POST" and not path.endswith("/fork"):
        return served.seeds.waiting(), (replace(first, own={}), *others)
    if path.endswith("/revert"):
        return served.seeds.with_revision(), served.callers
    return served.seeds.things([kind for kind, _ in _IN_PATH.findall(path)]), served.callers


@dataclass(frozen=True)
class _Asking:
    """Asks one case after the other, and keeps with what status each was answered."""

    url: str
    session: requests.Session
    seen: set[int]

    def __call__(self, case: Case[Operation]) -> None:
        """Ask, and check the answer."""
        told = case.call_and_validate(
            self.url, self.session, checks=CHECKS, timeout=ANSWERED_WITHIN_S, allow_redirects=False
        )
        self.seen.add(told.status_code)


def _ask(ask: _Asking, cases: st.SearchStrategy[Case[Operation]], name: str, count: int) -> None:
    @hypothesis.seed(zlib.crc32(name.encode()))
    @hypothesis.settings(
        max_examples=count,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )
    @given(case=cases)
    def answers_as_documented(case: Case[Operation]) -> None:
        ask(case)

    answers_as_documented()


def fitting(operation: Operation, things: Things) -> Case[Operation]:
    """Return an operation asked as its document's examples do, about things that exist."""
    said = _DOCUMENT["paths"][operation.path][operation.method.lower()]
    paths = {name: things.in_paths.get(kind, ("none",))[0] for kind, name in _IN_PATH.findall(operation.path)}
    known = {**{name: values[0] for name, values in things.fields.items()}, **paths}
    query, headers = (
        {each["name"]: known.get(each["name"], "none") for each in said.get("parameters", ()) if _needs(each, where)}
        for where in ("query", "header")
    )
    parts: dict[str, Any] = {"path_parameters": paths, "query": query, "headers": headers}
    for kind, asked in said.get("requestBody", {}).get("content", {}).items():
        parts |= {"body": _body(operation, asked["schema"], known), "media_type": kind}
    wire: Any = operation
    made: Case[Operation] = wire.Case(**parts)
    return made


def _body(operation: Operation, schema: Mapping[str, Any], known: Mapping[str, object]) -> Any:
    """Return the body of the fitting case."""
    body = _met(_EXAMPLES.get(operation.label) or _least(schema), known)
    if operation.label in BODIES:
        body = {name: known[name] if value is None else value for name, value in BODIES[operation.label].items()}
    _bound(body, waits=operation.path in _WAIT_BY_THEMSELVES)
    return body


def _needs(parameter: Mapping[str, Any], where: str) -> bool:
    return bool(parameter["required"]) and parameter["in"] == where


def _least(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a body that has no more than what is required."""
    named = _DOCUMENT["components"]["schemas"].get(schema.get("$ref", "").rpartition("/")[2], schema)
    return dict.fromkeys(named.get("required", ()), "none")


def _met(value: object, known: Mapping[str, object]) -> Any:
    """Return an example with what exists in the places of that name."""
    if isinstance(value, list):
        return [_met(each, known) for each in cast("list[object]", value)]
    if not isinstance(value, dict):
        return value
    fields = cast("dict[str, Any]", value)
    return {name: known[name] if name in known else _met(each, known) for name, each in fields.items()}


@st.composite
def _cases(draw: Draw, operation: Operation, things: Things) -> Case[Operation]:
    made: list[Any] = [operation.as_strategy(mode) for mode in _MODES]
    case: Case[Operation] = draw(st.one_of(made))
    if draw(_MOSTLY):
        case.headers.clear()
    if case.body and operation.label in _EXAMPLES and not draw(_MOSTLY):
        case.body = copy.deepcopy(_EXAMPLES[operation.label])
    named = {name: things.in_paths.get(kind, ()) for kind, name in _IN_PATH.findall(case.path)}
    _meet(draw, case.path_parameters, named)
    known = {**things.fields, **{name: [value] for name, value in case.path_parameters.items()}}
    parts: list[Any] = [case.headers, case.query, case.body]
    for part in parts:
        if isinstance(part, MutableMapping):
            _meet(draw, cast("MutableMapping[str, Any]", part), known)
    for fields in (case.query, case.body):
        if isinstance(fields, dict):
            _bound(fields, waits=case.path in _WAIT_BY_THEMSELVES and fields is case.body)
    return case


def _meet(draw: Draw, fields: MutableMapping[str, Any], things: Mapping[str, Sequence[object]]) -> None:
    """Let most values be ones that exist, or that the path names too, where some are known by that name."""
    for name in fields:
        if things.get(name) and draw(_MOSTLY):
            fields[name] = copy.deepcopy(draw(st.sampled_from(things[name])))


def _bound(fields: MutableMapping[str, Any], *, waits: bool) -> None:
    """Let a time be one that is not waited for, and is enough; what is no time is asked all the same."""
    if waits:
        fields.setdefault("wait", 0)
    ours = fields.get("longhaul")
    if isinstance(ours, dict):
        _bound(cast("dict[str, Any]", ours), waits=False)
    for name in _WAITS & fields.keys():
        value = fields[name]
        if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
            fields[name] = _ENOUGH_S if name == "timeout_s" else 0
