"""Which model provider a run uses: the configured one, else a local Ollama, else the simulated one."""

from dataclasses import dataclass
from typing import Final

import httpx

from runtime.settings import Settings

SIMULATED: Final = "simulated"
SIMULATED_MODEL: Final = "simulated-1"
PROBE_LIMIT_S: Final = 1.0


@dataclass(frozen=True)
class Provider:
    """A provider as the product sees it."""

    base_url: str
    model: str
    label: str = ""
    """Shown with its answers; empty for a real one."""

    @property
    def simulated(self) -> bool:
        """Whether its answers are made by rules."""
        return self.label == SIMULATED

    @property
    def variables(self) -> dict[str, str]:
        """What a program of ours must be told; the API key reaches it through its environment already."""
        return {
            "LONGHAUL_OPENAI_BASE_URL": self.base_url,
            "LONGHAUL_OPENAI_MODEL": self.model,
            "LONGHAUL_PROVIDER_LABEL": self.label,
        }

    def __str__(self) -> str:
        """For people: which provider, where, with which model."""
        kind = "the SIMULATED provider (answers are made by rules, not by a model)" if self.simulated else "provider"
        return f"{kind} at {self.base_url}, model {self.model}"


async def choose(settings: Settings) -> Provider:
    """The provider of this run."""
    if settings.openai_base_url is not None and settings.openai_model is not None:
        return Provider(str(settings.openai_base_url), settings.openai_model, settings.provider_label)
    ollama = f"http://127.0.0.1:{settings.ollama_port}"
    model = await _first_ollama_model(ollama)
    if model is not None:
        return Provider(f"{ollama}/v1", model)
    return Provider(f"http://127.0.0.1:{settings.simulator_port}/v1", SIMULATED_MODEL, SIMULATED)


async def _first_ollama_model(url: str) -> str | None:
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=PROBE_LIMIT_S) as client:
            answer = await client.get(f"{url}/api/tags")
        return str(answer.raise_for_status().json()["models"][0]["name"])
    except (httpx.HTTPError, ValueError, LookupError, TypeError):
        return None
