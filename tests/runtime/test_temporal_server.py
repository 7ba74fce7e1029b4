"""The development server keeps its workflows when it is killed, and foreign servers learn our search attributes."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from runtime import search_attributes
from runtime.local import DevServer
from runtime.local.ports import free_port
from runtime.local.temporal_server import Ports, is_serving


async def test_workflows_survive_a_killed_server(own_dir: Path, temporal_binary: Path) -> None:
    dev = DevServer(own_dir, temporal_binary, Ports(free_port(), free_port()))
    async with dev as address:
        client = await Client.connect(address)
        started = await client.start_workflow("Nobody", id="wf", task_queue="none")
        dev.supervisor.kill("temporal")
        await dev.supervisor.wait_ready("temporal")
        found = await (await Client.connect(address)).get_workflow_handle("wf").describe()
        assert found.run_id == started.result_run_id


async def test_our_search_attributes_can_be_asked_for(temporal_client: Client) -> None:
    for name in search_attributes.NAMES:
        assert (await temporal_client.count_workflows(f"{name} = 'nobody'")).count == 0


async def test_registering_twice_is_fine(temporal_client: Client) -> None:
    assert await search_attributes.ensure(temporal_client)
    assert await search_attributes.ensure(temporal_client)


async def test_nobody_serves_on_a_free_port() -> None:
    assert not await is_serving(f"127.0.0.1:{free_port()}", "default")


class _Operator:
    """A server's operator service: knows some names and answers registration with the next of `answers`."""

    def __init__(self, answers: Iterator[RPCStatusCode | None]) -> None:
        self.known: dict[str, int] = {}
        self._answers = answers

    async def list_search_attributes(self, _request: object) -> object:
        return SimpleNamespace(custom_attributes=self.known)

    async def add_search_attributes(self, request: object) -> None:
        status = next(self._answers)
        if status in {None, RPCStatusCode.ALREADY_EXISTS}:
            self.known.update(cast("SimpleNamespace", request).search_attributes)
        if status is not None:
            raise RPCError("no", status, b"")


def foreign(*answers: RPCStatusCode | None) -> Client:
    return cast("Client", SimpleNamespace(namespace="default", operator_service=_Operator(iter(answers))))


@pytest.mark.parametrize("status", [None, RPCStatusCode.ALREADY_EXISTS])
async def test_a_foreign_server_learns_them(status: RPCStatusCode | None) -> None:
    assert await search_attributes.ensure(foreign(status))


@pytest.mark.parametrize("status", [RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNIMPLEMENTED])
async def test_without_the_right_to_register_it_says_so(status: RPCStatusCode) -> None:
    assert not await search_attributes.ensure(foreign(status))


async def test_a_server_in_trouble_is_an_error() -> None:
    with pytest.raises(RPCError):
        await search_attributes.ensure(foreign(RPCStatusCode.UNAVAILABLE))
