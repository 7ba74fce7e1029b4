"""Port and implementation: the same names, the same signatures, all registered."""

import inspect
from collections.abc import Callable
from typing import Any, get_type_hints

import pytest
from temporalio import activity

import worker
from activities.answering import ModelAnswering
from activities.evaluating import ModelEvaluating
from activities.execution import ModelExecution
from activities.planning import ModelPlanning
from activities.recording import StoredRecording
from contracts import ports
from tests.activities.stage import Stage

PAIRS: list[tuple[type, type]] = [
    (ports.Planning, ModelPlanning),
    (ports.Execution, ModelExecution),
    (ports.Evaluating, ModelEvaluating),
    (ports.Answering, ModelAnswering),
    (ports.Recording, StoredRecording),
]


def activity_name(method: Callable[..., Any]) -> str | None:
    definition = activity._Definition.from_callable(method)  # pyright: ignore[reportPrivateUsage]  nothing public says
    return definition.name if definition else None


def methods(port: type) -> list[str]:
    return [name for name, member in vars(port).items() if inspect.isfunction(member)]


def test_every_port_has_an_implementation() -> None:
    all_ports = [
        member for _, member in inspect.getmembers(ports, inspect.isclass) if member.__module__ == "contracts.ports"
    ]
    assert {port.__name__ for port in all_ports} == {port.__name__ for port, _ in PAIRS}


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
