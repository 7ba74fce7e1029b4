import pytest
from pydantic import ValidationError

from domain.value import Value


class Example(Value):
    name: str = ""
    names: tuple[str, ...] = ()


@pytest.mark.parametrize(
    "wrong",
    [{"nmae": "a"}, {"name": "\ud800"}, {"names": ["\udfff"]}, {"name": None}],
    ids=["typo", "lone", "in", "null"],
)
def test_unknown_fields_and_texts_that_are_not_unicode_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Example.model_validate(wrong)


def test_value_is_immutable_and_compares_by_content() -> None:
    value = Example(name="a")
    with pytest.raises(ValidationError):
        value.name = "b"  # type: ignore[misc]  # the point of the test
    assert value == Example(name="a")
    assert hash(value) == hash(Example(name="a"))
