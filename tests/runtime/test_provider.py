"""Which provider a run uses: configured, else a local Ollama, else the simulated one."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from pydantic import HttpUrl

from runtime.local.ports import free_port
from runtime.local.provider import choose
from runtime.settings import Settings


@asynccontextmanager
async def server(status: str, body: str) -> AsyncIterator[int]:
    """A server that answers every request so; yields its port."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode())
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with listening:
        yield listening.sockets[0].getsockname()[1]


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Settings]:
    """Settings without a provider and with an Ollama port."""
    for name in ("BASE_URL", "API_KEY", "MODEL"):
        monkeypatch.delenv(f"LONGHAUL_OPENAI_{name}", raising=False)
    return lambda ollama_port: Settings(ollama_port=ollama_port, simulator_port=8090)


async def test_the_configured_provider_comes_first() -> None:
    async with server("200 OK", json.dumps({"models": [{"name": "qwen"}]})) as port:
        settings = Settings(
            openai_base_url=HttpUrl("http://127.0.0.1:9/v1"), openai_model="mine", ollama_port=port, provider_label=""
        )
        provider = await choose(settings)
    assert (provider.base_url, provider.model, provider.simulated) == ("http://127.0.0.1:9/v1", "mine", False)


async def test_a_local_ollama_with_a_model_comes_next(configure: Callable[[int], Settings]) -> None:
    async with server("200 OK", json.dumps({"models": [{"name": "qwen"}, {"name": "other"}]})) as port:
        provider = await choose(configure(port))
    assert (provider.base_url, provider.model) == (f"http://127.0.0.1:{port}/v1", "qwen")
    assert not provider.simulated


@pytest.mark.parametrize(
    ("status", "body"),
    [("200 OK", '{"models": []}'), ("200 OK", "hello"), ("200 OK", "[1]"), ("404 Not Found", '{"models": []}')],
)
async def test_without_a_usable_ollama_the_provider_is_simulated_and_says_so(
    configure: Callable[[int], Settings], status: str, body: str
) -> None:
    async with server(status, body) as port:
        provider = await choose(configure(port))
    assert provider.simulated
    assert "SIMULATED" in str(provider)
    assert provider.variables["LONGHAUL_PROVIDER_LABEL"] == "simulated"
    assert provider.base_url == "http://127.0.0.1:8090/v1"


async def test_without_any_ollama_the_provider_is_simulated(configure: Callable[[int], Settings]) -> None:
    assert (await choose(configure(free_port()))).simulated
