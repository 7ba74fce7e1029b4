"""Models as the OpenAI API lists them, with what we know of them."""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel

from domain.model_pool import Capability, Deployment, Route, Strategy


class ModelDetails(BaseModel):
    """What a model's route leads to. `capabilities`, `context_tokens`: of its deployments together; null: unknown."""

    version: str
    strategy: Strategy
    deployments: int
    fallbacks: tuple[str, ...]
    capabilities: tuple[Capability, ...] | None
    context_tokens: int | None
    cached_s: float


class ModelDocument(BaseModel):
    """A model. `id` is what calls ask for; one that ends in `*` stands for any ending. `created` is not known: 0."""

    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = "longhaul"
    longhaul: ModelDetails


class ModelList(BaseModel):
    """The models that a caller may use."""

    object: Literal["list"] = "list"
    data: tuple[ModelDocument, ...]


def model_document(route: Route, deployments: Sequence[Deployment]) -> ModelDocument:
    """Return a route as a model. `deployments`: where it leads."""
    known = [each.capabilities for each in deployments if each.capabilities is not None]
    contexts = [each.context_tokens for each in deployments if each.context_tokens is not None]
    all_known = bool(known) and len(known) == len(deployments)
    details = ModelDetails(
        version=route.version,
        strategy=route.strategy,
        deployments=len(deployments),
        fallbacks=route.fallbacks,
        capabilities=tuple(sorted(frozenset[Capability]().union(*known))) if all_known else None,
        context_tokens=max(contexts, default=None),
        cached_s=route.cache_ttl_s,
    )
    return ModelDocument(id=name_of(route), longhaul=details)


def name_of(route: Route) -> str:
    """Return what a call asks for to get a route: its name, with its version if it has one."""
    return f"{route.name}@{route.version}" if route.version else route.name
