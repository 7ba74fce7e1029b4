"""What a run was made on: the machine and the versions. No host name, no path."""

import platform
from importlib.metadata import version
from pathlib import Path

import psutil
from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from temporalio.client import Client

from bench.ground import Ground


async def describe(ground: Ground) -> dict[str, str]:
    """Name each part and its version."""
    client = await Client.connect(ground.temporal)
    server = await client.workflow_service.get_system_info(GetSystemInfoRequest())
    store = "on the same PostgreSQL" if ground.own_temporal else "a server that TEMPORAL_ADDRESS names"
    return {
        "processor": f"{_processor()}, {psutil.cpu_count()} cores",
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "temporalio": version("temporalio"),
        "Temporal server": f"{server.server_version}, {store}",
        "PostgreSQL": await ground.databases.version(),
        "a commit": f"{await ground.databases.commit_ms():.2f} ms",
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
