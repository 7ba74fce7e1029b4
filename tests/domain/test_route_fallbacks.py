import pytest

from domain.model_pool import Route
from domain.route_fallbacks import Fallbacks


def routes(**fallbacks: str) -> dict[str, Route]:
    """Return routes by name, each with the fallbacks named in one text."""
    return {name: Route(name=name, fallbacks=tuple(said.split())) for name, said in fallbacks.items()}


def problems(known: dict[str, Route], name: str) -> list[tuple[str, str]]:
    return [(each.code, each.path) for each in Fallbacks(known.values()).problems(known[name], "/routes/x")]


def test_fallbacks_in_a_line_are_fine() -> None:
    known = routes(a="b c", b="c", c="")
    assert [problems(known, name) for name in "abc"] == [[], [], []]


@pytest.mark.parametrize("known", [routes(a="a"), routes(a="b", b="a"), routes(a="b", b="c", c="b a")])
def test_a_way_back_to_itself_is_a_loop(known: dict[str, Route]) -> None:
    assert problems(known, "a") == [("fallback_loop", "/routes/x/fallbacks/0")]


def test_a_circle_that_does_not_pass_it_is_not_the_routes_own() -> None:
    assert problems(routes(a="b", b="c", c="b"), "a") == []


def test_a_fallback_that_is_not_there_has_its_place() -> None:
    assert problems(routes(a="b nowhere", b=""), "a") == [("unknown_route", "/routes/x/fallbacks/1")]


def test_a_wildcard_is_there_and_may_lead_back() -> None:
    known = routes(a="gpt-9") | {"gpt-*": Route(name="gpt-*", fallbacks=("a",))}
    assert problems(known, "a") == [("fallback_loop", "/routes/x/fallbacks/0")]


def test_a_disabled_route_is_there() -> None:
    known = routes(a="b") | {"b": Route(name="b", disabled=True)}
    assert problems(known, "a") == []


def test_those_that_would_fall_into_nothing_are_named() -> None:
    known = routes(a="b", c="b d", d="", e="zzz", b="")
    falling = Fallbacks(known.values()).falling_to([("b", "")])
    assert [route.name for route in falling] == ["a", "c"]
    assert Fallbacks([*known.values(), Route(name="*")]).falling_to([("b", "")]) == ()
