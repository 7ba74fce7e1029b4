"""The whole product behind the official SDKs: API, worker and simulated provider in three dialects, over HTTP."""

import secrets
from dataclasses import dataclass
from typing import Any

from anthropic import AsyncAnthropic
from anthropic import DefaultAsyncHttpxClient as AnthropicHttp
from openai import AsyncOpenAI
from openai import DefaultAsyncHttpxClient as OpenAIHttp
from pydantic import SecretStr

from domain.model_pool import ANY_MODEL, Account, Deployment, Dialect, Limit, Provider, Route, RouteTarget
from services.llm.config import accounts, deployments, providers, routes
from services.llm.config.edit import Source, editing
from tests.keys import ADMIN_KEY
from tests.llm.pooled import PRICE, VAULT
from tests.workflows.product import Product

KEY = ADMIN_KEY
"""What SDKs are given."""
PATHS = {Dialect.OPENAI: "/v1", Dialect.ANTHROPIC: "/anthropic/v1", Dialect.GEMINI: "/gemini/v1beta"}
"""Where the simulated provider speaks each dialect."""


@dataclass(frozen=True)
class Gateway:
    """The served product, as SDKs see it."""

    product: Product

    @property
    def url(self) -> str:
        """The root of the API."""
        return str(self.product.api.base_url).rstrip("/")

    def openai(self) -> AsyncOpenAI:
        """Return a client of OpenAI's SDK, which tries nothing again."""
        return AsyncOpenAI(
            base_url=f"{self.url}/v1", api_key=KEY, max_retries=0, http_client=OpenAIHttp(trust_env=False)
        )

    def anthropic(self) -> AsyncAnthropic:
        """Return a client of Anthropic's SDK, which tries nothing again."""
        return AsyncAnthropic(base_url=self.url, api_key=KEY, max_retries=0, http_client=AnthropicHttp(trust_env=False))

    async def model(self, dialect: Dialect = Dialect.OPENAI, *limits: Limit) -> str:
        """Add a model of the test's own to the pool; return its name."""
        assert self.product.services is not None
        db, name = self.product.services.db, f"{dialect.value}-{secrets.token_hex(4)}"
        root = str(self.product.provider.base_url).rstrip("/")
        provider = Provider(
            id=name, dialect=dialect, base_url=root + PATHS[dialect], simulated=True, silence_s=20, allow_private=True
        )
        credential = accounts.NewCredential(SecretStr(f"sk-{name}"))
        async with db.transaction() as tx, editing(tx, "test", Source.ADMIN) as edit:
            await providers.create(edit, provider)
            await accounts.create(edit, VAULT, Account(id=name, provider_id=name, limits=limits), credential)
            await deployments.create(edit, Deployment(id=name, account_id=name, model=name, price=PRICE))
            await routes.create(edit, Route(name=name, targets=(RouteTarget(deployment_id=name),)))
        await refreshed(self.product)
        return name

    async def fault(self, model: str, times: int | None = None, **fault: Any) -> None:
        """Script what goes wrong with calls of a model."""
        await self.product.with_model(model).fault(fault, times=times)


async def without_any_model(product: Product) -> None:
    """Remove the route by which the settings' provider answers for every model's name."""
    assert product.services is not None
    async with product.services.db.transaction() as tx, editing(tx, "test", Source.ADMIN) as edit:
        await routes.delete(edit, ANY_MODEL, "", None)
    await refreshed(product)


async def refreshed(product: Product) -> None:
    """Have worker and API take over what has changed in the pool now, not within their two seconds."""
    assert product.services is not None
    assert product.pool is not None
    await product.services.models.catalogue.refresh()
    await product.pool.refresh()
