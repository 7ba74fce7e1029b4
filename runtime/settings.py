"""Settings: the only place that reads the environment. Every key says what it does and what it may be."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Self

import platformdirs
from pydantic import Field, HttpUrl, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from domain.live_settings import LogLevel, like
from domain.model_pool import ModelName
from domain.placement import Placement
from domain.webhook_signature import Secrets
from runtime.redaction import shown
from runtime.settings_parts import SECRET, PartsOfSettings
from runtime.webhook_secret import WebhookSecret, secrets_of

PROJECT_ROOT: Final = Path(__file__).resolve().parents[1]
PREFIX: Final = "LONGHAUL_"

Port = Annotated[int, Field(ge=1, le=65535)]
Limit = Annotated[int, Field(ge=1, le=10_000)]


class SettingsError(ValueError):
    """One or more variables have a value that cannot be used; the text names each of them."""


class Settings(PartsOfSettings):
    """What may be set from outside. `LONGHAUL_<KEY>` unless the key names its own variable."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, frozen=True, populate_by_name=True, extra="ignore"
    )

    database_url: SecretStr | None = Field(
        default=None,
        validation_alias="DATABASE_URL",
        description="A PostgreSQL to use, as postgresql+asyncpg://user:password@host/database. "
        "Unset: an embedded one is started.",
    )
    temporal_address: str | None = Field(
        default=None,
        validation_alias="TEMPORAL_ADDRESS",
        description="A Temporal server to use, as host:port. Unset: a development server is started.",
    )
    temporal_namespace: str = Field(
        default="default", validation_alias="TEMPORAL_NAMESPACE", description="The Temporal namespace to work in."
    )

    openai_base_url: HttpUrl | None = Field(
        default=None,
        description="The model provider: any server that speaks the OpenAI chat API, as https://host/v1. "
        "Unset: a local Ollama, else the simulated provider.",
    )
    openai_api_key: SecretStr | None = Field(default=None, description="The provider's API key, if it wants one.")
    openai_model: str | None = Field(default=None, description="The model asked for when a request names none.")
    default_model: ModelName | None = like("default_model")
    max_connections: Limit = Field(default=1000, description="Connections of one worker to all model providers.")
    provider_label: str = Field(
        default="", description="Shown wherever this provider's answers appear; set by `make run` to say `simulated`."
    )

    api_host: str = Field(default="127.0.0.1", description="The address the API listens on.")
    api_port: Port = Field(default=8080, description="The port of the API.")
    temporal_port: Port = Field(default=7233, description="The port of the development Temporal server.")
    temporal_ui_port: Port = Field(default=8233, description="The port of its web page.")
    simulator_port: Port = Field(default=8090, description="The port of the simulated model provider.")
    atlassian_port: Port = Field(default=8091, description="The port of the simulated Jira and Confluence.")
    ollama_port: Port = Field(default=11434, description="Where a local Ollama is looked for.")

    state_dir: Path = Field(
        default=Path(".longhaul"),
        description="Data, logs and process records of `make run`. A relative path starts at the project's folder.",
    )
    cache_dir: Path = Field(
        default_factory=lambda: platformdirs.user_cache_path("longhaul"),
        description="What is dear to get and safe to delete, such as the Temporal binary. Outside the project.",
    )
    context_file: Path = Field(
        default=Path("context.yaml"), description="The project context. A relative path starts at the project's folder."
    )

    providers_file: Path = Field(
        default=Path("providers.yaml"),
        description="Model providers, accounts and routes; ${NAME} stands for a variable of the environment. "
        "A relative path starts at the project's folder.",
    )
    pool_check_s: int = like("pool_check_s")

    tool_servers_file: Path = Field(
        default=Path("mcp.json"),
        description="Tool servers in the mcpServers format of desktop clients; ${NAME} stands for a variable of the "
        "environment. A relative path starts at the project's folder.",
    )
    tool_commands: str = Field(
        default="mcp-atlassian,mcp-server-time,mcp-server-fetch,mcp-server-git,mcp-server-everything,"
        "mcp-server-filesystem",
        description="The commands that stdio tool servers may be started with: bare names, separated by commas.",
    )
    tool_path: str = Field(
        default="",
        description="Folders where those commands are looked for, separated by colons; "
        "before the environments that `make tool-servers` has made.",
    )
    tool_refresh_s: int = like("tool_refresh_s")
    master_keys: SecretStr | None = Field(
        default=None,
        description="The keys that seal stored credentials, as id:base64 of 32 bytes, separated by commas, the one in "
        "use first. Unset: one is made and kept in the state folder, for this machine alone.",
    )
    public_url: HttpUrl | None = Field(
        default=None,
        description="Where browsers reach the API, for the way back from a tool server's sign-in page. "
        "Unset: the API's own address.",
    )

    webhook_secret: WebhookSecret | None = Field(
        default=None,
        description="What webhooks are signed with (Standard Webhooks): whsec_ and the base64 of 24 to 64 bytes. While "
        "one is replaced, both, separated by a comma. Unset: jobs with a webhook are refused.",
    )
    webhook_allow_private: bool = like("webhook_allow_private")

    task_queue: str = Field(default="longhaul", description="The Temporal task queue of the workflows.", min_length=1)
    placement: Placement = like("placement")
    search_attributes: bool = Field(
        default=True, description="Set search attributes on workflows; off where the server refuses to register them."
    )
    max_concurrent_workflow_tasks: Limit = Field(
        default=100, description="Workflow tasks one worker handles at a time."
    )
    max_concurrent_activities: Limit = Field(default=200, description="Activities one worker runs at a time.")
    max_concurrent_local_activities: Limit = Field(
        default=100, description="Local activities one worker runs at a time."
    )
    max_concurrent_jobs: Limit = Field(
        default=20, description="Jobs (calls with `async`) one worker makes at a time; the others rest in their queue."
    )
    max_cached_workflows: Limit = Field(default=1000, description="Workflows one worker keeps in memory.")
    workflow_sandbox: bool = Field(
        default=False,
        description="Run workflows in Temporal's sandbox, which refuses clocks, random and I/O while they run. "
        "The tests always do; in service it costs a quarter of a worker's processor time.",
    )

    log_level: LogLevel = like("log_level")
    message: str | None = Field(
        default=None, validation_alias="MESSAGE", description="The first request of `make run`; unset: an example."
    )

    @field_validator("state_dir", "context_file", "cache_dir", "tool_servers_file", "providers_file")
    @classmethod
    def _from_the_project(cls, path: Path) -> Path:
        return PROJECT_ROOT / path.expanduser()

    @field_validator("log_level", mode="before")
    @classmethod
    def _any_case(cls, level: object) -> object:
        return level.upper() if isinstance(level, str) else level

    @field_validator("database_url")
    @classmethod
    def _asyncpg_only(cls, url: SecretStr | None) -> SecretStr | None:
        if url is None:
            return None
        scheme, mark, rest = url.get_secret_value().partition("://")
        if not mark or scheme not in {"postgresql", "postgres", "postgresql+asyncpg"}:
            raise ValueError("must be a PostgreSQL address such as postgresql+asyncpg://user:password@host/database")
        return SecretStr(f"postgresql+asyncpg://{rest}")

    @field_validator("openai_base_url")
    @classmethod
    def _no_password(cls, url: HttpUrl | None) -> HttpUrl | None:
        if url is not None and (url.username or url.password):
            raise ValueError("put the key in LONGHAUL_OPENAI_API_KEY, not in the address")
        return url

    @field_validator("temporal_address")
    @classmethod
    def _host_and_port(cls, address: str | None) -> str | None:
        if address is not None:
            host, _, port = address.rpartition(":")
            if not host or not port.isdigit():
                raise ValueError("must be host:port, such as 127.0.0.1:7233")
        return address

    @model_validator(mode="after")
    def _whole_provider(self) -> Self:
        if self.openai_base_url is None and (self.openai_model or self.openai_api_key):
            raise ValueError("LONGHAUL_OPENAI_BASE_URL is missing: a model or key is set without a provider")
        if self.openai_base_url is not None and self.openai_model is None:
            raise ValueError("LONGHAUL_OPENAI_MODEL is missing: LONGHAUL_OPENAI_BASE_URL is set without a model")
        return self

    @property
    def own_url(self) -> str:
        """Where browsers reach the API, without a slash at the end."""
        if self.public_url is not None:
            return str(self.public_url).rstrip("/")
        return f"http://{self.api_host}:{self.api_port}"

    @property
    def webhook_secrets(self) -> Secrets | None:
        """What webhooks are signed with; None: there are none."""
        return None if self.webhook_secret is None else secrets_of(self.webhook_secret)

    @property
    def key_file(self) -> Path:
        """Where the key that seals credentials is kept when no setting says it."""
        return self.state_dir / "master.key"

    @property
    def tool_command_names(self) -> tuple[str, ...]:
        """The commands of `tool_commands`, one by one."""
        return tuple(name for name in (part.strip() for part in self.tool_commands.split(",")) if name)

    @property
    def tool_folders(self) -> tuple[Path, ...]:
        """The folders of `tool_path`, one by one."""
        return tuple(Path(folder) for folder in self.tool_path.split(":") if folder)

    def redacted(self) -> dict[str, str]:
        """Every key and its value as text, secrets masked: fit for a log or a terminal."""
        return {key: shown(key, getattr(self, key)) for key in type(self).model_fields}


def load() -> Settings:
    """Read the settings from the environment.

    Raises:
        SettingsError: A variable cannot be used; the text names it and says why, without its value if secret.
    """
    try:
        return Settings()
    except ValidationError as invalid:
        raise SettingsError("; ".join(_complaint(error) for error in invalid.errors())) from None


def variable(key: str) -> str:
    """The environment variable that sets a key, such as LONGHAUL_API_PORT for `api_port`."""
    alias = Settings.model_fields[key].validation_alias
    return alias if isinstance(alias, str) else PREFIX + key.upper()


def environment() -> Mapping[str, str]:
    """The whole environment, for what a file refers to as ${NAME}."""
    return dict(os.environ)


def child_environment(changes: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with changes, for a process it starts."""
    return {**os.environ, **changes}


def _complaint(error: Mapping[str, object]) -> str:
    text = str(error["msg"]).removeprefix("Value error, ")
    where = error["loc"]
    if not isinstance(where, tuple) or not where:
        return text
    key = next(key for key in Settings.model_fields if where[0] in {key, variable(key)})
    shown = "" if key in SECRET else f" (got {error['input']!r})"
    return f"{variable(key)}: {text}{shown}"
