"""What makes a configured value wrong in itself, with a JSON pointer for each thing. What is wrong is never quoted."""

import re
from collections import Counter
from collections.abc import Sequence

from domain.errors import InvalidInput, Problem
from domain.model_pool import ANY_MODEL, Account, Provider, Route
from domain.templates import escape
from services.llm.config.base_urls import address_problems

_HEADER = re.compile(r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}\Z")
_HEADER_VALUE = re.compile(r"^[\x20-\x7e]{0,2000}\Z")
_SECRET_HEADERS = frozenset(
    {"authorization", "proxy-authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie"}
)
_OUR_HEADERS = frozenset({"host", "content-length", "content-type", "transfer-encoding", "connection", "accept"})


def refuse(problems: Sequence[Problem]) -> None:
    """Raise InvalidInput when there are problems."""
    if problems:
        raise InvalidInput(f"{problems[0].path}: {problems[0].message}", tuple(problems))


def provider_problems(provider: Provider, path: str = "") -> list[Problem]:
    """Return what is wrong with a provider: its address, and headers that are none or hold credentials."""
    found = address_problems(provider.base_url, f"{path}/base_url", allow_private=provider.allow_private)
    for name, value in provider.headers.items():
        wrong = _wrong_header(name, value)
        if wrong is not None:
            found.append(Problem(code=wrong[0], path=f"{path}/headers/{escape(name)}", message=wrong[1]))
    return found


def _wrong_header(name: str, value: str) -> tuple[str, str] | None:
    if not _HEADER.match(name) or not _HEADER_VALUE.match(value):
        return "bad_header", "this is no header: names are ASCII tokens, values printable ASCII"
    if name.lower() in _SECRET_HEADERS:
        return "secret_header", "a credential is kept sealed with its account, not among the headers"
    if name.lower() in _OUR_HEADERS:
        return "bad_header", "this header is set for each call"
    return None


def account_problems(account: Account, path: str = "") -> list[Problem]:
    """Return what is wrong with an account: two limits of one kind and window."""
    counts: Counter[tuple[str, float]] = Counter()
    found: list[Problem] = []
    for index, limit in enumerate(account.limits):
        key = (limit.kind.value, limit.window_s)
        counts[key] += 1
        if counts[key] > 1:
            message = f"there is another limit of {limit.kind} in this window"
            found.append(Problem(code="duplicate_limit", path=f"{path}/limits/{index}", message=message))
    return found


def route_problems(route: Route, path: str = "") -> list[Problem]:
    """Return what is wrong with a route by itself: a `*` in mid-name, a range of sizes that holds none."""
    found: list[Problem] = []
    if ANY_MODEL in route.name[:-1]:
        found.append(Problem(code="bad_wildcard", path=f"{path}/name", message="a * stands at a name's end only"))
    for index, target in enumerate(route.targets):
        if target.max_input_tokens is not None and target.max_input_tokens < target.min_input_tokens:
            message = "max_input_tokens is less than min_input_tokens"
            found.append(Problem(code="empty_range", path=f"{path}/targets/{index}/max_input_tokens", message=message))
    return found
