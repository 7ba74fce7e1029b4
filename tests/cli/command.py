"""Running the command as a process, its output not a terminal's."""

import asyncio
import sys
from dataclasses import dataclass

from runtime.settings import PROJECT_ROOT, child_environment
from tests.keys import ADMIN_KEY, api_client

WITHIN_S = 15.0


@dataclass(frozen=True)
class Ran:
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Cli:
    """`python -m cli` for one API."""

    api: str
    temporal_address: str = ""
    key: str = ADMIN_KEY

    async def __call__(self, *arguments: str) -> Ran:
        """Run a command to its end."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "cli",
            *arguments,
            cwd=PROJECT_ROOT,
            env=child_environment(
                {
                    "LONGHAUL_API_URL": self.api,
                    "LONGHAUL_API_KEY": self.key,
                    "TEMPORAL_ADDRESS": self.temporal_address,
                    "COLUMNS": "200",
                }
            ),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(WITHIN_S):
                out, err = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
        return Ran(process.returncode or 0, out.decode(), err.decode())

    async def submit(self, *arguments: str) -> str:
        """Submit a request without waiting; return its id."""
        ran = await self("request", *arguments, "--no-wait")
        assert ran.code == 0, ran.err
        return ran.out.split()[-1]

    async def until(self, request_id: str, event: str) -> None:
        """Wait until an event of this type has happened."""
        path = f"/v1/requests/{request_id}/events?types={event}"
        async with (
            api_client(self.api, timeout=WITHIN_S) as api,
            api.stream("GET", path) as events,
        ):
            await anext(events.aiter_lines())
