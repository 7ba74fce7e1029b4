"""What workflows, activities and messages exchange arrives as it was sent, whether unset fields travel or not."""

import inspect

import pytest
from pydantic import BaseModel
from temporalio.contrib.pydantic import PydanticPayloadConverter, ToJsonOptions

from contracts import calls, messages, names
from contracts.calls import DraftPlan
from domain.edits import Amendment, DropStep
from domain.request import Outcome
from domain.step import Step, StepResult
from runtime.temporal import DATA_CONVERTER
from tests.contracts.samples import sample

CONVERTERS = {
    "ours": DATA_CONVERTER.payload_converter,
    "without unset": PydanticPayloadConverter(ToJsonOptions(exclude_unset=True)),
    "with unset": PydanticPayloadConverter(ToJsonOptions(exclude_unset=False)),
}


def types() -> list[type[BaseModel]]:
    ours = [
        member
        for module in (calls, names, messages)
        for _, member in inspect.getmembers(module, inspect.isclass)
        if issubclass(member, BaseModel) and member.__module__ == module.__name__
    ]
    return [*ours, Amendment, Outcome, StepResult]


def samples() -> list[BaseModel]:
    drop = DropStep(op="drop", step_id="a", dependents="detach")
    return [
        Amendment(expected_version=1, edits=(drop,)) if cls is Amendment else cls.model_validate(sample(cls))
        for cls in types()
    ]


@pytest.mark.parametrize("converter", CONVERTERS)
@pytest.mark.parametrize("value", samples(), ids=lambda value: type(value).__name__)
def test_filled_value_arrives_as_it_was_sent(value: BaseModel, converter: str) -> None:
    payloads = CONVERTERS[converter]
    assert payloads.from_payload(payloads.to_payload(value), type(value)) == value


@pytest.mark.parametrize("converter", CONVERTERS)
@pytest.mark.parametrize("value", samples(), ids=lambda value: type(value).__name__)
def test_value_with_nothing_but_what_it_needs_arrives_as_it_was_sent(value: BaseModel, converter: str) -> None:
    needed = {name: getattr(value, name) for name, field in type(value).model_fields.items() if field.is_required()}
    bare, payloads = type(value)(**needed), CONVERTERS[converter]
    assert payloads.from_payload(payloads.to_payload(bare), type(bare)) == bare


def test_copy_with_changes_arrives_changed() -> None:
    draft = DraftPlan(steps=(sample(Step).model_copy(update={"depends_on": ()}),)).model_copy(update={"problems": ()})
    payloads = CONVERTERS["without unset"]
    assert payloads.from_payload(payloads.to_payload(draft), DraftPlan) == draft


def test_samples_leave_no_default() -> None:
    for value in samples():
        if not isinstance(value, Amendment):
            assert value.model_fields_set == set(type(value).model_fields)
