"""Every method of a port is an activity that takes one value and gives one."""

import inspect
from typing import get_type_hints

import pytest

from domain.value import Value
from tests.contracts.activity_ports import activity_name, methods, ports

METHODS = [(port, name) for port in ports() for name in methods(port)]


def is_value(hint: object) -> bool:
    return isinstance(hint, type) and issubclass(hint, Value)


@pytest.mark.parametrize(("port", "name"), METHODS, ids=lambda part: getattr(part, "__name__", part))
def test_a_method_is_an_activity_of_its_name_that_says_what_it_does(port: type, name: str) -> None:
    method = getattr(port, name)
    assert activity_name(method) == name
    assert inspect.getdoc(method)
    assert getattr(method, "__isabstractmethod__", False)


@pytest.mark.parametrize(("port", "name"), METHODS, ids=lambda part: getattr(part, "__name__", part))
def test_a_method_takes_one_value_and_gives_one(port: type, name: str) -> None:
    hints = get_type_hints(getattr(port, name))
    given = hints.pop("return")
    assert list(inspect.signature(getattr(port, name)).parameters) == ["self", *hints]
    assert [is_value(hint) for hint in hints.values()] == [True]
    assert is_value(given) or given in (bool, type(None))


def test_activities_have_names_of_their_own() -> None:
    names = [name for _, name in METHODS]
    assert len(names) > 5
    assert len(names) == len(set(names))
