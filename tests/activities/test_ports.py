"""Port and implementation: the same names, the same signatures, all registered."""

import inspect
from typing import get_type_hints

import pytest

import worker
from activities.answering import ModelAnswering
from activities.evaluating import ModelEvaluating
from activities.execution import ModelExecution
from activities.planning import ModelPlanning
from activities.recording import StoredRecording
from contracts import ports
from tests.activities.stage import Stage
from tests.contracts.activity_ports import activity_name, methods
from tests.contracts.activity_ports import ports as all_ports

PAIRS: list[tuple[type, type]] = [
    (ports.Planning, ModelPlanning),
    (ports.Execution, ModelExecution),
    (ports.Evaluating, ModelEvaluating),
    (ports.Answering, ModelAnswering),
    (ports.Recording, StoredRecording),
]


def test_every_port_has_an_implementation() -> None:
    assert set(all_ports()) == {port for port, _ in PAIRS}


@pytest.mark.parametrize(("port", "implementation"), PAIRS)
def test_names_and_signatures_are_those_of_the_port(port: type, implementation: type) -> None:
    assert issubclass(implementation, port)
    assert methods(port)
    for name in methods(port):
        promised, made = getattr(port, name), getattr(implementation, name)
        assert activity_name(made) == activity_name(promised) is not None
        assert inspect.signature(made) == inspect.signature(promised)
        assert get_type_hints(made) == get_type_hints(promised)


def test_the_worker_registers_every_method(stage: Stage) -> None:
    services = worker.Services(stage.parts.db, stage.parts.writer, stage.parts.caller, stage.sim.model)
    registered = [activity_name(method) for method in worker.activities(services)]
    promised = [activity_name(getattr(port, name)) for port, _ in PAIRS for name in methods(port)]
    assert sorted(map(str, registered)) == sorted(map(str, promised))
