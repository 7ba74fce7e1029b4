"""Settings become services: the outside world as activities use it, opened together and closed together."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from contracts.webhooks import SEND_TIMEOUT_S
from domain.live_settings import LiveValues
from domain.model_pool import Dialect
from runtime.live_settings import bootstrap_of
from runtime.local.tool_environments import program_folders, search_path
from runtime.settings import PROJECT_ROOT, Settings, SettingsError
from runtime.tool_changes import RefreshOnChange
from services.llm.adapters.factory import open_adapters
from services.llm.caller import ModelCaller, process_name
from services.llm.chat import Adapter
from services.llm.gateway import Gateway
from services.llm.pool.catalogue import Catalogue
from services.llm.pool.pool import ModelPool
from services.llm.prices import Prices
from services.net.webhooks import WebhookSender
from services.storage import failpoints
from services.storage.database import Database
from services.storage.event_writer import EventWriter
from services.storage.live import Live
from services.storage.live_settings import LiveSettings
from services.tools.client.commands import Commands
from services.tools.toolbox import Toolbox, open_toolbox
from services.vault.keys import open_vault
from services.vault.vault import Vault


@dataclass(frozen=True)
class ModelServices:
    """Everything about models: who may be asked, and who asks."""

    adapters: Mapping[Dialect, Adapter]
    catalogue: Catalogue
    caller: ModelCaller
    gateway: Gateway
    default_model: str


@dataclass(frozen=True)
class Services:
    """The outside world as the activities use it. `live`: where answers are heard within this process."""

    db: Database
    writer: EventWriter
    live: Live
    vault: Vault
    models: ModelServices
    tools: Toolbox
    on_tool_change: RefreshOnChange
    webhooks: WebhookSender
    settings: LiveSettings

    def default_model(self) -> str:
        """Return the model that is asked for where nobody chose one, as it is now."""
        return self.settings.values.default_model or self.models.default_model


@asynccontextmanager
async def open_services(settings: Settings) -> AsyncIterator[Services]:
    """Make the services of a process, and close them at the end. Connects to nothing yet.

    Raises:
        SettingsError: The database or a default model is not set.
        InvalidInput: The price table cannot be read.
        KeysInvalid: The master keys cannot be used.
    """
    if settings.database_url is None:
        raise SettingsError("DATABASE_URL is not set")
    failpoints.arm(settings.failpoints)
    db = Database(settings.database_url.get_secret_value())
    keys = settings.master_keys
    vault = open_vault(None if keys is None else keys.get_secret_value(), settings.key_file)
    writer, live, live_settings = EventWriter(db), Live(), LiveSettings(db, bootstrap_of(settings))
    await writer.start()
    try:
        on_change = RefreshOnChange(settings.task_queue)
        async with (
            _open_models(settings, db, vault, writer, live) as models,
            _open_tools(settings, db, vault, on_change) as tools,
            _webhooks(settings, live_settings) as webhooks,
        ):
            yield Services(db, writer, live, vault, models, tools, on_change, webhooks, live_settings)
    finally:
        await live_settings.close()
        await writer.close()
        await db.close()


@asynccontextmanager
async def _open_models(
    settings: Settings, db: Database, vault: Vault, writer: EventWriter, live: Live
) -> AsyncIterator[ModelServices]:
    default = settings.default_model or settings.openai_model
    if default is None:
        raise SettingsError("LONGHAUL_DEFAULT_MODEL is not set, nor LONGHAUL_OPENAI_MODEL")
    catalogue = Catalogue(db, vault)
    pool = ModelPool(db, catalogue, Prices.load(), process_name())
    async with open_adapters(settings.max_connections) as adapters:
        caller = ModelCaller(db, writer, pool, adapters, live)
        await pool.start()
        try:
            yield ModelServices(adapters, catalogue, caller, Gateway(db, caller, pool, live), default)
        finally:
            await caller.close()
            await pool.close()
            await catalogue.close()


def _open_tools(
    settings: Settings, db: Database, vault: Vault, on_change: RefreshOnChange
) -> AbstractAsyncContextManager[Toolbox]:
    return open_toolbox(
        db,
        vault,
        _commands(settings),
        redirect_uri=f"{settings.own_url}/v1/tool-sign-ins/callback",
        on_changed=on_change,
    )


def _webhooks(settings: Settings, live_settings: LiveSettings) -> WebhookSender:
    private = settings.webhook_allow_private
    sender = WebhookSender(settings.webhook_secrets, allow_private=private, timeout_s=SEND_TIMEOUT_S)

    async def hear(values: LiveValues) -> None:
        sender.allow_private = values.webhook_allow_private

    live_settings.follow(hear)
    return sender


def _commands(settings: Settings) -> Commands:
    """Return what stdio tool servers may be, looked for in folders of a setting, our own environments, and PATH."""
    folders = (*settings.tool_folders, *search_path(PROJECT_ROOT), *program_folders())
    return Commands(settings.tool_command_names, folders, state_dir=settings.state_dir / "tools")
