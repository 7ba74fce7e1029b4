"""The provider of the settings: the simplest way to have one. Its route `*` takes whatever no other route is for."""

import hashlib
import json
import logging
from dataclasses import dataclass

from pydantic import SecretStr, ValidationError

from domain.drafts import problems_of
from domain.errors import InvalidInput
from domain.model_pool import ANY_MODEL, Account, Deployment, Dialect, Provider, Route, RouteTarget
from services.llm.config import imported
from services.llm.config.edit import Source, editing
from services.llm.config.rules import provider_problems, refuse
from services.llm.config.takeover import Taken, Wanted, take_over
from services.storage.database import Tx
from services.vault.vault import Vault

NAME = "default"
"""The id of the provider, its account and its deployment."""

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('pool_import', 0))"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SettingsProvider:
    """A server that speaks the OpenAI API, as LONGHAUL_OPENAI_BASE_URL and _API_KEY name it.

    `simulated`: it is a stand-in, as LONGHAUL_PROVIDER_LABEL says.
    """

    base_url: str
    api_key: SecretStr | None = None
    simulated: bool = False


async def import_settings(tx: Tx, vault: Vault, provider: SettingsProvider | None) -> Taken:
    """Take over the settings' provider when it is not the one taken over last; None: remove it.

    What admins have made of it since stays, and so does an object of this name that is theirs.

    Raises:
        InvalidInput: Its address is refused.
    """
    await tx.fetch(_LOCK)
    digest = _digest(provider)
    if not await imported.is_news(tx, vault, Source.SETTINGS, digest):
        return Taken()
    async with editing(tx, "settings", Source.SETTINGS) as edit:
        taken = await take_over(edit, vault, Wanted() if provider is None else _wanted(provider))
    await imported.remember(tx, vault, Source.SETTINGS, digest)
    if taken:
        _log.info("the model provider of the settings was %s", "removed" if provider is None else "taken over")
    return taken


def _digest(provider: SettingsProvider | None) -> str:
    if provider is None:
        return ""
    key = None if provider.api_key is None else provider.api_key.get_secret_value()
    return hashlib.sha256(json.dumps([provider.base_url, key, provider.simulated]).encode()).hexdigest()


def _wanted(settings: SettingsProvider) -> Wanted:
    try:
        provider = Provider(
            id=NAME,
            dialect=Dialect.OPENAI,
            base_url=settings.base_url,
            simulated=settings.simulated,
            allow_private=True,
        )
    except ValidationError as error:
        raise InvalidInput("the settings' model provider has no usable base URL", problems_of(error, "")) from None
    refuse(provider_problems(provider))
    return Wanted(
        providers=(provider,),
        accounts=(Account(id=NAME, provider_id=NAME),),
        credentials={} if settings.api_key is None else {NAME: settings.api_key},
        deployments=(Deployment(id=NAME, account_id=NAME, model=ANY_MODEL),),
        routes=(Route(name=ANY_MODEL, targets=(RouteTarget(deployment_id=NAME),)),),
    )
