"""The `temporal` command line, pointed at the test's server, as a person at a terminal uses it."""

import asyncio
import json
import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tests.workflows.product import Json, eventually

WITHIN_S = 20.0


class Ran(NamedTuple):
    """What a command left: its exit code and what it printed."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Terminal:
    """A shell whose PATH has `temporal`; the server's address is in the environment, where the command reads it."""

    bin: Path
    address: str
    namespace: str

    async def run(self, line: str, **variables: str) -> Ran:
        """Run a line of shell; `variables` join the environment."""
        ours = {"PATH": f"{self.bin}:{os.environ['PATH']}", "HOME": str(self.bin)}
        server = {"TEMPORAL_ADDRESS": self.address, "TEMPORAL_NAMESPACE": self.namespace}
        process = await asyncio.create_subprocess_exec(
            "/bin/sh",
            "-c",
            line,
            env={**os.environ, **ours, **server, **variables},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(WITHIN_S):
            out, err = await process.communicate()
        return Ran(process.returncode or 0, out.decode(), err.decode())

    async def workflow(self, verb: str, request_id: str, **options: Any) -> Ran:
        """Run `temporal workflow <verb>` on a request; options that are no text are given as JSON."""
        given = {name: value if isinstance(value, str) else json.dumps(value) for name, value in options.items()}
        words = "".join(f" --{name.replace('_', '-')} {shlex.quote(value)}" for name, value in given.items())
        return await self.run(f"temporal workflow {verb} --workflow-id {request_id}{words} --output json")

    async def printed(self, verb: str, request_id: str, **options: Any) -> Any:
        """Run a command that must succeed; return the JSON it prints, None when it prints nothing."""
        ran = await self.workflow(verb, request_id, **options)
        assert ran.code == 0, ran.err
        return json.loads(ran.out) if ran.out.strip() else None

    async def update(self, request_id: str, name: str, message: Json) -> Any:
        """Send an update; return the handler's answer."""
        return (await self.printed("update execute", request_id, name=name, input=message))["result"]

    async def signal(self, request_id: str, name: str, message: Any) -> None:
        """Send a signal."""
        await self.printed("signal", request_id, name=name, input=message)

    async def query(self, request_id: str, name: str) -> Any:
        """Ask the workflow."""
        return (await self.printed("query", request_id, type=name))["queryResult"][0]

    async def until(self, request_id: str, name: str, **fields: Any) -> Json:
        """Query until the answer has these fields, and return it."""

        async def look() -> Json | None:
            answer: Json | None = await self.query(request_id, name)
            return answer if answer and all(answer.get(key) == value for key, value in fields.items()) else None

        found: Json = await eventually(look)
        return found

    async def steps(self, request_id: str) -> dict[str, str]:
        """Return each step's status."""
        runs: dict[str, Json] = (await self.query(request_id, "plan"))["runs"]
        return {step_id: run["status"] for step_id, run in runs.items()}
