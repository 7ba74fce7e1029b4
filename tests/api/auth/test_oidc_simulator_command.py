"""The command that serves the simulated OpenID provider."""

import socket
import subprocess
import sys

import httpx

from simulators.oidc_provider.__main__ import main


def test_the_command_serves_on_any_free_port_and_says_which() -> None:
    command = [sys.executable, "-m", "simulators.oidc_provider", "--port", "0", "--client", "us:hunter2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        try:
            with httpx.Client(base_url=url, trust_env=False, timeout=10) as client:
                metadata = client.get("/.well-known/openid-configuration").json()
                assert metadata["issuer"] == url
                assert len(client.get(metadata["jwks_uri"]).json()["keys"]) == 3
                assert client.get(metadata["authorization_endpoint"]).status_code == 400
                refused = client.post(metadata["token_endpoint"], data={"code": "x"}, auth=("us", "wrong"))
                assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
                unknown = client.post(metadata["token_endpoint"], data={"code": "x"}, auth=("us", "hunter2"))
                assert (unknown.status_code, unknown.json()["error"]) == (400, "invalid_grant")
                assert client.put("/__sim/behaviour", json={"typo": 1}).status_code == 400
        finally:
            process.terminate()
        assert process.wait(10) in {0, -15}


def test_a_port_that_is_taken_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main(["--port", str(taken.getsockname()[1])]) == 1
