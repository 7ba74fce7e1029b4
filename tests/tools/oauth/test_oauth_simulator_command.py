"""The command that serves the simulated server."""

import socket
import subprocess
import sys

import httpx

from simulators.oauth_server.__main__ import main


def test_the_command_serves_on_any_free_port_and_says_which() -> None:
    command = [sys.executable, "-m", "simulators.oauth_server", "--port", "0", "--client", "us:hunter2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        try:
            with httpx.Client(trust_env=False, timeout=10) as client:
                assert client.post(url, json={}).status_code == 401
                token = client.post(
                    url.replace("/mcp", "/as/token"), data={"grant_type": "client_credentials"}, auth=("us", "hunter2")
                )
                assert token.json()["token_type"] == "Bearer"
                assert client.put(url.replace("/mcp", "/__sim/behaviour"), json={"typo": 1}).status_code == 400
        finally:
            process.terminate()
        assert process.wait(10) in {0, -15}


def test_a_port_that_is_taken_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main(["--port", str(taken.getsockname()[1])]) == 1
