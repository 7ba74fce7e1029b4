"""`make run` brings everything up in order, tells each program what it needs, and ends it all on SIGTERM."""

import asyncio
import signal
import sys
from pathlib import Path
from urllib.request import urlopen

import psutil
import pytest
from pydantic import SecretStr
from rich.console import Console

from runtime.local import programs
from runtime.local.admin_key import admin_key
from runtime.local.errors import LocalError
from runtime.local.ports import free_port
from runtime.local.process import ProcessSpec
from runtime.local.progress import Teller
from runtime.local.stack import Stack
from runtime.settings import PROJECT_ROOT, Settings, child_environment

SERVER = "import http.server, sys; http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), {0}).serve_forever()"
HANDLER = (
    "type('H', (http.server.SimpleHTTPRequestHandler,), {'do_GET': lambda s: (s.send_response(200), s.end_headers(),"
    " s.wfile.write(repr(dict(__import__('os').environ)).encode())) and None})"
)


@pytest.fixture
def own_settings(own_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings with a state folder and ports of their own, and nothing configured."""
    for name in ("DATABASE_URL", "TEMPORAL_ADDRESS", "LONGHAUL_OPENAI_BASE_URL", "LONGHAUL_OPENAI_MODEL"):
        monkeypatch.delenv(name, raising=False)
    return Settings(
        state_dir=own_dir,
        api_port=free_port(),
        temporal_port=free_port(),
        temporal_ui_port=free_port(),
        simulator_port=free_port(),
        ollama_port=free_port(),
    )


@pytest.fixture
def teller() -> Teller:
    return Teller(Console(record=True, width=200, stderr=True))


@pytest.fixture
def echoing_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the place of server.py a process that answers with its environment."""

    def server(host: str, port: int, variables: dict[str, str]) -> ProcessSpec:
        command = (sys.executable, "-c", SERVER.format(HANDLER), str(port))
        url = f"{programs.api_url(host, port)}/readyz"
        return ProcessSpec("server", command, env=child_environment(variables), ready=lambda: programs.answers(url))

    monkeypatch.setattr(programs, "server", server)


@pytest.mark.usefixtures("echoing_server")
async def test_everything_comes_up_and_the_server_is_told_where_it_is(
    own_settings: Settings, own_dir: Path, teller: Teller
) -> None:
    async with Stack(own_settings, teller) as stack:
        stack.show_addresses()
        key = (own_dir / "admin.key").read_text().strip()
        told = (await asyncio.to_thread(_read, stack.api_url)).decode()
        assert f"?host={own_dir}/sockets" in told
        assert f"'TEMPORAL_ADDRESS': '127.0.0.1:{own_settings.temporal_port}'" in told
        assert f"'LONGHAUL_OPENAI_BASE_URL': 'http://127.0.0.1:{own_settings.simulator_port}/v1'" in told
        assert "'LONGHAUL_PROVIDER_LABEL': 'simulated'" in told
        assert f"'LONGHAUL_ADMIN_KEY': '{key}'" in told
        pids = [stack.supervisor.pid(name) for name in ("postgres", "temporal", "simulator", "server")]
    assert not any(pid is None or psutil.pid_exists(pid) for pid in pids)
    shown = teller.console.export_text()
    assert f"{stack.api_url}/docs" in shown
    assert shown.count(key) == 1
    assert admin_key(own_settings) == (key, False)


@pytest.mark.usefixtures("echoing_server")
async def test_real_servers_are_used_where_they_are_named(
    own_settings: Settings, teller: Teller, database_url: str, temporal_address: str
) -> None:
    settings = own_settings.model_copy(
        update={"database_url": SecretStr(database_url), "temporal_address": temporal_address}
    )
    async with Stack(settings, teller) as stack:
        told = (await asyncio.to_thread(_read, stack.api_url)).decode()
        assert f"'DATABASE_URL': '{database_url}'" in told
        assert f"'TEMPORAL_ADDRESS': '{temporal_address}'" in told
        with pytest.raises(KeyError):
            stack.supervisor.pid("postgres")


async def test_a_temporal_server_that_does_not_answer_is_named(
    own_settings: Settings, teller: Teller, database_url: str
) -> None:
    address = f"127.0.0.1:{free_port()}"
    settings = own_settings.model_copy(update={"database_url": SecretStr(database_url), "temporal_address": address})
    with pytest.raises(LocalError, match=f"no Temporal server answers at TEMPORAL_ADDRESS={address}"):
        async with Stack(settings, teller):
            pass


async def test_a_bad_setting_ends_the_command_with_its_name() -> None:
    code, text = await _run_command({"LONGHAUL_API_PORT": "no"})
    assert code == 2
    assert "LONGHAUL_API_PORT" in text


async def test_a_signal_during_the_start_ends_what_was_started(own_dir: Path) -> None:
    variables = {"LONGHAUL_STATE_DIR": str(own_dir), "LONGHAUL_TEMPORAL_PORT": str(free_port())}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "runtime.local", "--no-first-request",
        cwd=PROJECT_ROOT, env=child_environment(variables), stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    await process.stderr.readuntil(b"Database: starting")
    process.send_signal(signal.SIGTERM)
    assert "Everything is stopped." in (await process.stderr.read()).decode()
    assert await process.wait() == 0
    assert not any(
        str(own_dir / "postgres") in (found.info["cmdline"] or []) for found in psutil.process_iter(["cmdline"])
    )


async def _run_command(variables: dict[str, str]) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "runtime.local",
        cwd=PROJECT_ROOT, env=child_environment(variables), stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, text = await process.communicate()
    return process.returncode, text.decode()


def _read(url: str) -> bytes:
    with urlopen(url, timeout=5) as answer:  # noqa: S310  our own address
        body: bytes = answer.read()
        return body
