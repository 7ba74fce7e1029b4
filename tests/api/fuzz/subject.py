"""What is fuzzed: every operation of the document of this build, with data that fits it and data that does not.

Where a value that exists is at hand, it mostly takes the place of a generated one, and optional headers are mostly left
out: else nearly all would be refused at the door. Times that a caller may choose are bounded, so that no case waits.
"""

import copy
import re
import zlib
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
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

ANSWERED_WITHIN_S: Final = 15.0
_MODES: Final = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
_WAITS: Final = frozenset({"wait", "wait_s", "timeout_s"})
_WAIT_BY_THEMSELVES: Final = frozenset({"/central-agent/process", "/central-agent/test-mcp"})

_ASK_OTHERS: Final = frozenset({"GET /v1/auth/oidc/{provider}/login", "GET /v1/auth/oidc/{provider}/callback"})
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


_DOCUMENT: Final = routes_only().openapi()
_EXAMPLES: Final = _examples(_DOCUMENT)
OPERATIONS: Final = _operations(_DOCUMENT)
"""By method and path."""


@dataclass(frozen=True)
class FuzzCaller:
    """Who asks, with which headers, and how many of an operation's cases in `make test`."""

    role: str
    headers: Mapping[str, str]
    share: int


@dataclass(frozen=True)
class Things:
    """Values that exist: of `{id}` in `/v1/users/{id}` under `users`; of a header, or a field, under its name."""

    in_paths: Mapping[str, Sequence[object]]
    fields: Mapping[str, Sequence[object]]


@dataclass(frozen=True)
class Served:
    """The API that is asked, by whom, and what there is in it."""

    url: str
    callers: Sequence[FuzzCaller]
    things: Things


def answer_fits_its_schema(context: CheckContext, response: Response, case: Case[Operation]) -> bool | None:
    """Check an answer against its schema; of streams the document says no more than that they are text."""
    if any(kind.startswith("text/event-stream") for kind in response.headers.get("content-type", ())):
        return None
    fits: bool | None = _CHECKS.response_schema_conformance(context, response, case)
    return fits


def is_no_fault_of_ours(context: CheckContext, response: Response, case: Case[Operation]) -> bool | None:
    """Check that nothing failed here; that somebody else does not answer is told by 503."""
    if response.status_code == HTTPStatus.SERVICE_UNAVAILABLE and case.operation.label in _ASK_OTHERS:
        return None
    whole: bool | None = _SERVER_CHECKS.not_a_server_error(context, response, case)
    return whole


CHECKS: Final[list[Any]] = [
    is_no_fault_of_ours,
    _CHECKS.status_code_conformance,
    _CHECKS.content_type_conformance,
    answer_fits_its_schema,
]


def fuzz(served: Served, label: str, times: int) -> None:
    """Ask an operation `times` as often as each caller's share, and check every answer against the document."""
    for caller in served.callers:
        with requests.Session() as session:
            session.trust_env = False
            session.headers.update(caller.headers)
            if caller.headers:
                session.get(f"{served.url}/v1/me", timeout=ANSWERED_WITHIN_S).raise_for_status()  # still let in
            _ask(served, label, session, f"{label} {caller.role}", caller.share * times)


def _ask(served: Served, label: str, session: requests.Session, name: str, count: int) -> None:
    @hypothesis.seed(zlib.crc32(name.encode()))
    @hypothesis.settings(
        max_examples=count,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )
    @given(case=_cases(OPERATIONS[label], served.things))
    def answers_as_documented(case: Case[Operation]) -> None:
        case.call_and_validate(served.url, session, checks=CHECKS, timeout=ANSWERED_WITHIN_S, allow_redirects=False)

    answers_as_documented()


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
    """Let a time be one that is not waited for; what is no time is asked all the same."""
    if waits:
        fields.setdefault("wait", 0)
    for name in _WAITS & fields.keys():
        value = fields[name]
        if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
            fields[name] = 1 if name == "timeout_s" else 0
