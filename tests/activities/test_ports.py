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
from activities.tool_servers import McpToolServers
from activities.tooling import McpTooling
from contracts import ports
from runtime.tool_changes import RefreshOnChange
from services.tools.client.commands import Commands
from services.tools.toolbox import open_toolbox
from services.vault.vault import Vault
from tests.activities.stage import Stage
from tests.contracts.activity_ports import activity_name, methods
from tests.contracts.activity_ports import ports as all_ports

PAIRS: list[tuple[type, type]] = [
    (ports.Planning, ModelPlanning),
    (ports.Execution, ModelExecution),
    (ports.Evaluating, ModelEvaluating),
    (ports.Answering, ModelAnswering),
    (ports.Recording, StoredRecording),
    (ports.Tooling, McpTooling),
    (ports.ToolServers, McpToolServers),
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


async def test_the_worker_registers_every_method(stage: Stage) -> None:
    parts, vault, commands = stage.parts, Vault({"test": bytes(32)}, active="test"), Commands((), ())
    on_change = RefreshOnChange("nowhere")
    async with open_toolbox(parts.db, vault, commands, redirect_uri="http://127.0.0.1/", on_changed=on_change) as tools:
        services = worker.Services(parts.db, parts.writer, parts.caller, stage.sim.model, tools, on_change)
        registered = [activity_name(method) for method in worker.activities(services)]
    promised = [activity_name(getattr(port, name)) for port, _ in PAIRS for name in methods(port)]
    assert sorted(map(str, registered)) == sorted(map(str, promised))
