"""A process that used Temporal's SDK ends with the exit code its program chose."""

import subprocess
import sys

import pytest

from runtime.settings import PROJECT_ROOT

PROGRAM = """
import asyncio, sys
from temporalio.client import Client
from runtime import clean_exit

async def main():
    client = await Client.connect(sys.argv[1])
    await client.count_workflows()
    {0}

sys.exit(clean_exit.run(main()))
"""


@pytest.mark.parametrize(
    ("ending", "code"), [("return 7", 7), ("return None", 0), ("raise KeyboardInterrupt", 130), ("raise OSError", 1)]
)
async def test_the_exit_code_is_the_programs(temporal_address: str, ending: str, code: int) -> None:
    command = [sys.executable, "-c", PROGRAM.format(ending), temporal_address]
    done = subprocess.run(command, check=False, capture_output=True, cwd=PROJECT_ROOT)  # noqa: ASYNC221  it is short
    assert done.returncode == code, done.stderr.decode()
