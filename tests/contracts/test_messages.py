"""Every message has its update, the update's validator, and a signal of the same name."""

import inspect
import re
from typing import get_args

import pytest
from temporalio import workflow

from contracts import messages as m
from contracts.tools import RULES_CHANGED
from domain.edits import Amendment
from domain.value import Value
from workflows.handlers import MessageHandlers
from workflows.request import RequestWorkflow

MESSAGES: list[type[Value]] = list(get_args(m.Message))
SIGNALS_ONLY = {m.CHILD_FINISHED: m.ChildFinished}
ANSWERS = {m.Done, m.AmendAnswer, m.StatusAnswer, m.StepCosts, m.CostsAnswer}
DEFINITION = workflow._Definition.must_from_class(RequestWorkflow)  # pyright: ignore[reportPrivateUsage]  nothing public


def verb(message: type[Value]) -> str:
    """Return the name that a message is sent by: its class's in small letters."""
    return m.AMEND if message is Amendment else re.sub(r"(?<=[a-z])(?=[A-Z])", "_", message.__name__).lower()


@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_is_an_update_that_can_be_refused_and_a_signal(message: type[Value]) -> None:
    name = verb(message)
    assert DEFINITION.updates[name].validator is not None
    assert DEFINITION.updates[name].fn.__qualname__.startswith(MessageHandlers.__name__)
    assert DEFINITION.signals[name].fn.__qualname__.startswith(MessageHandlers.__name__)


def test_nothing_else_is_listened_to() -> None:
    verbs = {verb(message) for message in MESSAGES}
    assert DEFINITION.updates.keys() == verbs
    assert DEFINITION.signals.keys() == verbs | SIGNALS_ONLY.keys() | {RULES_CHANGED}
    assert DEFINITION.queries.keys() >= {m.STATUS, m.PLAN, m.PROGRESS, m.COSTS}


def test_every_type_is_a_message_or_an_answer() -> None:
    types = {
        member
        for _, member in inspect.getmembers(m, inspect.isclass)
        if member.__module__ == m.__name__ and issubclass(member, Value)
    }
    assert types == {*MESSAGES, *SIGNALS_ONLY.values(), *ANSWERS} - {Amendment}


@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_can_be_told_from_its_repetition(message: type[Value]) -> None:
    assert "message_id" in message.model_fields
