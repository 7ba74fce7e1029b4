"""Temporal's development server on this machine, with its web page and its data in one file."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError

from runtime import search_attributes
from runtime.local.ports import PortNeed
from runtime.local.process import ProcessSpec
from runtime.local.self_supervised import SelfSupervised
from runtime.local.supervisor import Report, silent

NAME: Final = "temporal"
HOST: Final = "127.0.0.1"
# One partition: twice the throughput on one machine. Fairness: one owner's work cannot starve another's.
DYNAMIC_CONFIG: Final = (
    "matching.numTaskqueueReadPartitions=1",
    "matching.numTaskqueueWritePartitions=1",
    "matching.enableFairness=true",
)


@dataclass(frozen=True)
class Ports:
    """Where the server and its web page listen."""

    server: int = 7233
    ui: int = 8233


class DevServer(SelfSupervised):
    """A Temporal server whose data lives in `<state_dir>/temporal.db`.

    Either let it look after itself, `async with DevServer(folder, binary) as address:`, or give its `spec` to a
    Supervisor of your own, which then starts, stops, kills and restarts it by the name `temporal`.
    """

    def __init__(
        self,
        state_dir: Path,
        binary: Path,
        ports: Ports | None = None,
        namespace: str = "default",
        report: Report = silent,
    ) -> None:
        super().__init__(state_dir, report)
        self._state_dir = state_dir.absolute()
        self._binary = binary
        self._ports = ports or Ports()
        self._namespace = namespace

    @property
    def address(self) -> str:
        """The server's address, as host:port."""
        return f"{HOST}:{self._ports.server}"

    @property
    def ui_url(self) -> str:
        """The address of the web page."""
        return f"http://{HOST}:{self._ports.ui}"

    @property
    def spec(self) -> ProcessSpec:
        """The server as a process for a Supervisor."""
        return ProcessSpec(
            name=NAME,
            argv=self._argv(),
            cwd=self._state_dir,
            ports=(
                PortNeed(self._ports.server, "LONGHAUL_TEMPORAL_PORT"),
                PortNeed(self._ports.ui, "LONGHAUL_TEMPORAL_UI_PORT"),
            ),
            ready=lambda: is_serving(self.address, self._namespace),
        )

    def _argv(self) -> tuple[str, ...]:
        return (
            str(self._binary), "server", "start-dev",
            "--ip", HOST,
            "--port", str(self._ports.server),
            "--ui-port", str(self._ports.ui),
            "--namespace", self._namespace,
            "--db-filename", str(self._state_dir / "temporal.db"),
            "--log-level", "warn",
            *(f"--dynamic-config-value={value}" for value in DYNAMIC_CONFIG),
            *(f"--search-attribute={name}=Keyword" for name in search_attributes.NAMES),
        )  # fmt: skip


async def is_serving(address: str, namespace: str, limit_s: float = 3.0) -> bool:
    """Whether a Temporal server answers at the address and knows the namespace and our search attributes."""
    try:
        async with asyncio.timeout(limit_s):
            client = await Client.connect(address, namespace=namespace)
            await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=namespace))
    except (RPCError, RuntimeError, TimeoutError):
        return False
    return True
