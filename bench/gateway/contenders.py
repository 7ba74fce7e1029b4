"""Who is measured: the model itself, Longhaul before it, and the LiteLLM proxy before it, each with its processes."""

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bench.admin import KEY, VARIABLES
from bench.ground import Ground
from runtime.local import ProcessSpec, programs
from runtime.local.errors import LocalError
from runtime.local.ports import PortNeed, free_port
from runtime.settings import PROJECT_ROOT, child_environment
from services.storage.migrate import migrate

DIRECT: Final = "direct"
OURS: Final = "Longhaul"
THEIRS: Final = "LiteLLM"
MODEL: Final = "bench-model"
_THEIR_KEY: Final = "sk-bench-0123456789abcdef0123456789abcdef"
"""LiteLLM wants one of some length."""
CHUNKS: Final = 68
"""Pieces of the model's answer."""

LITELLM: Final = PROJECT_ROOT / ".venv-tools" / "litellm" / "bin"
_HOST: Final = "127.0.0.1"


@dataclass(frozen=True)
class Contender:
    """Something that speaks the OpenAI API. `processes`: its own, whose memory counts. `key`: what its clients show."""

    name: str
    base_url: str
    processes: tuple[str, ...]
    key: str


async def start(ground: Ground) -> list[Contender]:
    """Start all of them.

    Raises:
        LocalError: LiteLLM is not installed: `make bench-rivals`.
    """
    if not (LITELLM / "litellm").exists():
        raise LocalError("LiteLLM is not installed: run `make bench-rivals`")
    model = await _model(ground)
    return [
        Contender(DIRECT, model, ("chunked-model",), _THEIR_KEY),
        Contender(OURS, await _longhaul(ground, model), ("server",), KEY),
        Contender(THEIRS, await _litellm(ground, model), ("litellm",), _THEIR_KEY),
    ]


async def _model(ground: Ground) -> str:
    """Start a model without delay that says the same to everybody, in so many pieces."""
    port = free_port()
    spec = programs.simulator(port, ground.folder / "gateway-calls.jsonl")
    arguments = ("--chunks", str(CHUNKS), "--memory", "100")
    await ground.supervisor.start(
        ProcessSpec(
            name="chunked-model", argv=(*spec.argv, *arguments), cwd=PROJECT_ROOT, ports=spec.ports, ready=spec.ready
        )
    )
    return f"http://{_HOST}:{port}/v1"


async def _longhaul(ground: Ground, model: str) -> str:
    """Start API and worker in one process, as on one machine."""
    database, port = "bench_gateway", free_port()
    await ground.databases.create(database)
    await migrate(ground.databases.address(database))
    folder = ground.folder / "gateway"
    variables = {
        **ground.python,
        "DATABASE_URL": ground.databases.address(database),
        "TEMPORAL_ADDRESS": ground.temporal,
        "LONGHAUL_OPENAI_BASE_URL": model,
        "LONGHAUL_OPENAI_MODEL": MODEL,
        "LONGHAUL_PROVIDER_LABEL": "simulated",
        "LONGHAUL_API_PORT": str(port),
        "LONGHAUL_TASK_QUEUE": "bench-gateway",
        "LONGHAUL_STATE_DIR": str(folder),
        "LONGHAUL_MASTER_KEYS": f"bench:{base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()}",
        "LONGHAUL_TOOL_SERVERS_FILE": str(folder / "no-such-file"),
        "LONGHAUL_PROVIDERS_FILE": str(folder / "no-such-file"),
        "LONGHAUL_LOG_LEVEL": "WARNING",
        **VARIABLES,
    }
    await ground.supervisor.start(programs.server(_HOST, port, variables))
    return f"http://{_HOST}:{port}/v1"


async def _litellm(ground: Ground, model: str) -> str:
    """Start the proxy with one worker, no database and no log: the least it does."""
    port, file = free_port(), ground.folder / "litellm.yaml"
    file.write_text(_config(model), encoding="utf-8")
    argv = (str(LITELLM / "litellm"), "--config", str(file), "--host", _HOST, "--port", str(port), "--num_workers", "1")
    variables = {
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_TELEMETRY": "False",
        "LITELLM_LOG": "ERROR",
        "LITELLM_MASTER_KEY": _THEIR_KEY,
        "PATH": f"{LITELLM}:/usr/bin:/bin",
    }
    url = f"http://{_HOST}:{port}"
    await ground.supervisor.start(
        ProcessSpec(
            name="litellm",
            argv=argv,
            env=child_environment(variables),
            cwd=ground.folder,
            ports=(PortNeed(port, "LONGHAUL_LITELLM_PORT"),),
            ready=lambda: programs.answers(f"{url}/health/liveliness"),
            ready_timeout_s=120.0,
        )
    )
    return f"{url}/v1"


def _config(model: str) -> str:
    lines: Sequence[str] = (
        "model_list:",
        f"  - model_name: {MODEL}",
        "    litellm_params:",
        f"      model: openai/{MODEL}",
        f"      api_base: {model}",
        "      api_key: bench",
        "litellm_settings:",
        "  num_retries: 0",
        "  telemetry: false",
    )
    return "\n".join(lines) + "\n"
