"""Port and implementation: the same names, the same signatures, all registered."""

import inspect
from collections.abc import Callable
from typing import Any, get_type_hints

import pytest

from activities.alerts import ToldAlerts
from activities.answering import ModelAnswering
from activities.evaluating import ModelEvaluating
from activities.execution import ModelExecution
from activities.gateway import ModelGateway
from activities.granting import Granting
from activities.money import StoredMoney
from activities.planning import ModelPlanning
from activities.pool_checks import AdapterPoolChecks
from activities.purging import StoredPurging
from activities.recording import StoredRecording
from activities.tool_servers import McpToolServers
from activities.tooling import McpTooling
from activities.webhooks import SignedWebhooks
from composition.services import ModelServices, Services
from composition.workers import activities as activities_of
from contracts import gateway as gateway_port
from contracts import ports
from contracts.money import Alerts, Money
from contracts.pool_checks import PoolChecks
from contracts.purging import Purging
from contracts.webhooks import Webhooks
from runtime.tool_changes import RefreshOnChange
from services.llm.gateway import Gateway
from services.net.webhooks import WebhookSender
from services.storage.live_settings import LiveSettings
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
    (gateway_port.GatewayCalls, ModelGateway),
    (PoolChecks, AdapterPoolChecks),
    (Purging, StoredPurging),
    (Webhooks, SignedWebhooks),
    (Money, StoredMoney),
    (Alerts, ToldAlerts),
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
    async with (
        open_toolbox(parts.db, vault, commands, redirect_uri="http://127.0.0.1/", on_changed=on_change) as tools,
        WebhookSender(None, allow_private=False, timeout_s=1) as sender,
    ):
        gateway = Gateway(parts.db, parts.caller, parts.pool, parts.live)
        models = ModelServices(parts.adapters, parts.catalogue, parts.caller, gateway, stage.sim.model)
        services = Services(
            parts.db, parts.writer, parts.live, vault, models, tools, on_change, sender, LiveSettings(parts.db)
        )
        calls = ModelGateway(gateway, "here")
        webhooks = SignedWebhooks(parts.db, sender, "http://127.0.0.1")
        apart = (calls.follow_call, webhooks.deliver_webhook, ToldAlerts(parts.db, sender).tell_alert)
        methods_of: list[Callable[..., Any]] = [*activities_of(services, calls, Granting()), *apart]
        registered = [activity_name(method) for method in methods_of]
    promised = [activity_name(getattr(port, name)) for port, _ in PAIRS for name in methods(port)]
    assert sorted(map(str, registered)) == sorted(map(str, promised))
