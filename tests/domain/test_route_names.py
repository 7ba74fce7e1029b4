import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.model_pool import Route
from domain.route_names import RouteNames, natural


def names(*spelled: str) -> RouteNames:
    """Return routes; `name@version` as callers spell it, a `!` in front disables."""
    routes: list[Route] = []
    for text in spelled:
        name, _, version = text.lstrip("!").partition("@")
        routes.append(Route(name=name, version=version, disabled=text.startswith("!")))
    return RouteNames(routes)


def found(known: RouteNames, asked: str) -> str | None:
    route = known.find(asked)
    return None if route is None else f"{route.name}@{route.version}"


@pytest.mark.parametrize(
    ("spelled", "asked", "expected"),
    [
        (["gpt"], "gpt", "gpt@"),
        (["gpt"], "gpt-4", None),
        (["gpt@1", "gpt@2"], "gpt@1", "gpt@1"),
        (["gpt@1", "gpt@2"], "gpt@3", None),
        (["gpt@9", "gpt@10"], "gpt", "gpt@10"),
        (["gpt@9", "gpt"], "gpt", "gpt@"),
        (["gpt@2024-05-13", "gpt@2024-11-20"], "gpt", "gpt@2024-11-20"),
        (["gpt@1", "!gpt@2"], "gpt", "gpt@1"),
        (["gpt@1", "!gpt@2"], "gpt@2", None),
        (["!gpt@1", "!gpt@2"], "gpt", None),
        (["!gpt", "gpt@1"], "gpt", None),
        (["*", "gpt-*", "gpt-4*"], "gpt-4o", "gpt-4*@"),
        (["*", "gpt-*", "gpt-4*"], "gpt-5", "gpt-*@"),
        (["*", "gpt-*", "gpt-4*"], "claude", "*@"),
        (["*", "gpt-*"], "gpt-", "gpt-*@"),
        (["*", "!gpt-4"], "gpt-4", None),
        (["*", "!gpt-*"], "gpt-4", None),
        (["gpt-*@1", "gpt-*@2", "*"], "gpt-4@1", "gpt-*@1"),
        (["gpt-*@1", "gpt-*@2", "*"], "gpt-4", "gpt-*@2"),
        (["gpt-*@1", "*"], "gpt-4@7", "*@"),
        (["*"], "claude@20240620", "*@"),
        (["*"], "gpt-*", "*@"),
        (["gpt-*"], "gpt-*", "gpt-*@"),
        ([], "", None),
    ],
)
def test_the_most_specific_name_decides(spelled: list[str], asked: str, expected: str | None) -> None:
    assert found(names(*spelled), asked) == expected
    assert found(names(*reversed(spelled)), asked) == expected


def test_a_name_may_hold_an_at_sign() -> None:
    known = RouteNames([Route(name="claude@20240620"), Route(name="claude", version="1")])
    assert found(known, "claude@20240620") == "claude@20240620@"
    assert found(known, "claude@1") == "claude@1"


def test_versions_are_in_the_order_that_people_read() -> None:
    ordered = ["latest", "v1", "v1.9", "v1.10", "v2", "v10", "1", "2", "2-beta", "2.1", "10"]
    assert sorted(sorted(ordered), key=natural) == ordered


@given(
    st.lists(st.text(alphabet="ab1*@.", min_size=1, max_size=6), max_size=8, unique=True), st.text("ab1@.", max_size=6)
)
def test_what_is_found_is_enabled_and_fits(spelled: list[str], asked: str) -> None:
    route = RouteNames(Route(name=name, disabled=name.startswith("a")) for name in spelled).find(asked)
    if route is not None:
        assert not route.disabled
        fits = asked.startswith(route.name.rstrip("*")) if route.name.endswith("*") else asked == route.name
        assert fits or asked.rpartition("@")[0] == route.name
