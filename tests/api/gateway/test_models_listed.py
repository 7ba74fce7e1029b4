"""The models that a caller may use."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest

from api.parts import Parts
from api.serving import deployment_of
from runtime.settings import Settings
from services.storage.event_reader import EventReader
from tests.api.gateway.maker import ROUTES
from tests.api.served import serving


async def test_models_are_listed_as_in_the_api_with_what_they_can(gate: httpx.AsyncClient) -> None:
    listed = (await gate.get("/v1/models")).json()
    assert listed["object"] == "list"
    by_id = {model["id"]: model for model in listed["data"]}
    assert set(by_id) == {"gate-*", "kept-*", "plain", "dated@2026-01", "patient-*"}
    assert all((model["object"], model["owned_by"]) == ("model", "longhaul") for model in by_id.values())
    told = by_id["kept-*"]["longhaul"]
    assert told["capabilities"] == ["tools", "vision"]
    assert (told["context_tokens"], told["cached_s"], told["deployments"]) == (1000, 60, 1)
    assert by_id["plain"]["longhaul"]["capabilities"] is None


async def test_one_model_is_read_by_any_name_that_leads_to_it(gate: httpx.AsyncClient) -> None:
    for name in ("plain", "gate-anything", "dated", "dated@2026-01", "gate-with/a/slash"):
        answer = await gate.get(f"/v1/models/{name}")
        assert (answer.status_code, answer.json()["id"]) == (200, name)


async def test_unknown_disabled_and_forbidden_models_are_not_shown(gate: httpx.AsyncClient) -> None:
    for name, status, code in (
        ("nobody's", 404, "model_not_found"),
        ("off", 404, "model_not_found"),
        ("secret", 403, "model_not_allowed"),
    ):
        answer = await gate.get(f"/v1/models/{name}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert any(route.disabled for route in ROUTES)


@asynccontextmanager
async def _by_default(parts: Parts, model: str) -> AsyncIterator[httpx.AsyncClient]:
    """Serve an installation whose default model is this."""
    async with serving(
        replace(
            parts,
            reader=EventReader(parts.database),
            deployment=replace(parts.deployment, default_model=model),
        )
    ) as api:
        yield api


async def test_a_default_model_that_only_a_wildcard_leads_to_is_listed_first(gate_parts: Parts) -> None:
    async with _by_default(gate_parts, "kept-best") as api:
        listed: list[dict[str, Any]] = (await api.get("/v1/models")).json()["data"]
        assert listed[0] == (await api.get("/v1/models/kept-best")).json()
    assert [model["id"] for model in listed].count("kept-best") == 1
    assert "kept-*" in {model["id"] for model in listed}


@pytest.mark.parametrize("model", ["plain", "nobody's", "off", "secret"])
async def test_a_default_model_is_listed_once_and_only_if_it_can_be_asked_for(
    gate_parts: Parts, gate: httpx.AsyncClient, model: str
) -> None:
    async with _by_default(gate_parts, model) as api:
        assert (await api.get("/v1/models")).json() == (await gate.get("/v1/models")).json()


def test_the_default_model_is_the_settings(settings: Settings) -> None:
    own = settings.model_copy(update={"default_model": None, "openai_model": "small"})
    assert deployment_of(own, eager_start=False).default_model == "small"
    chosen = own.model_copy(update={"default_model": "large"})
    assert deployment_of(chosen, eager_start=False).default_model == "large"
