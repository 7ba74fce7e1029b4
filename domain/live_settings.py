"""The settings that may change while everything runs: their names, types, bounds, defaults and meaning, and no more.

Where one is not set in the database, the environment's value holds, or else the default. Secrets are none of them:
those stay in the environment and in the vault.
"""

import copy
import json
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Final

from pydantic import Field, TypeAdapter, ValidationError

from domain.errors import InvalidInput, NotFound, Problem
from domain.model_pool import ModelName
from domain.placement import Placement
from domain.purging import Keep
from domain.request import Caps
from domain.value import Value

LONGEST_CALL_S: Final = 3600.0
"""The bound on every gateway call, in seconds."""

Days = Annotated[int, Field(ge=2, le=3650)]


class LogLevel(StrEnum):
    """How much a process tells."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


class LiveValues(Value):
    """One value for each live setting. Requests, calls and steps that have begun keep what held when they began."""

    log_keep_days: Days = Field(default=30, description="For how many days the log of API calls is kept.")
    lease_keep_days: Days = Field(
        default=7,
        description="For how many days ended calls of models are kept one by one (leases); for longer if a limit's "
        "window is longer. Their counters stay.",
    )
    call_keep_days: Days = Field(
        default=30, description="For how many days the streamed pieces of gateway calls are kept. Answers stay longer."
    )
    answer_keep_days: Days = Field(
        default=90,
        description="For how many days gateway calls with their answers are kept; for no less than their pieces and "
        "their keys. What they cost stays in the ledger.",
    )
    key_keep_days: Days = Field(
        default=7, description="For how many days an Idempotency-Key of a gateway call finds its answer again."
    )
    audit_keep_days: int = Field(
        default=730, ge=30, le=36_500, description="For how many days the audit log is kept; never for less than 30."
    )
    purge_every_s: int = Field(
        default=3600, ge=60, le=86_400, description="How often what is older than that is removed, in seconds."
    )
    pool_check_s: int = Field(
        default=60,
        ge=5,
        le=86_400,
        description="How often the credentials of all accounts are tried with a free call, in seconds.",
    )
    tool_refresh_s: int = Field(
        default=300, ge=10, le=86_400, description="How often the lists of all tool servers are read again, in seconds."
    )
    ledger_check_s: int = Field(
        default=60, ge=5, le=86_400, description="How often every invariant of the ledger is checked, in seconds."
    )
    ledger_reconcile_s: int = Field(
        default=60,
        ge=5,
        le=86_400,
        description="How often holds of work that died are looked for and closed, in seconds.",
    )
    default_model: ModelName | None = Field(
        default=None,
        description="The model asked for when a request names none: a route of the pool. Unset: LONGHAUL_OPENAI_MODEL.",
    )
    placement: Placement = Field(
        default=Placement.AUTO, description="Where steps run: auto (by policy), child (own workflows) or inline."
    )
    request_max_steps: int = Field(default=200, ge=1, le=200, description="Steps that one request's plan may have.")
    request_max_depth: int = Field(
        default=3, ge=0, le=5, description="How deep requests may start requests of their own; 0: they may not."
    )
    request_max_replans: int = Field(
        default=2, ge=0, le=10, description="How often one request may be planned anew after a step failed."
    )
    request_max_step_retries: int = Field(
        default=5, ge=0, le=10, description="How often a step may be tried again, whatever its plan says."
    )
    request_max_step_timeout_s: float = Field(
        default=3600, ge=1, le=86_400, description="The longest time that a step may be given, in seconds."
    )
    request_window: int = Field(
        default=20, ge=1, le=200, description="Steps of one request that may run at the same time."
    )
    call_timeout_s: float = Field(
        default=LONGEST_CALL_S,
        ge=1,
        le=LONGEST_CALL_S,
        description="The bound on a gateway call that has none of its own or its route's, in seconds.",
    )
    result_cache: bool = Field(
        default=True, description="Whether gateway calls are answered from kept answers where their route keeps them."
    )
    access_token_s: int = Field(
        default=600, ge=60, le=600, description="How long an access token lives that is issued now, in seconds."
    )
    login_free_tries: int = Field(
        default=5, ge=1, le=20, description="Wrong passwords in a row after which a name has to wait."
    )
    login_longest_wait_s: float = Field(
        default=900, ge=1, le=86_400, description="How long a name has to wait at most, in seconds."
    )
    webhook_allow_private: bool = Field(
        default=False,
        description="Send webhooks to private networks and this machine too, and by http. The metadata services of "
        "clouds are refused always.",
    )
    log_level: LogLevel = Field(default=LogLevel.INFO, description="DEBUG, INFO, WARNING or ERROR.")

    @property
    def keep(self) -> Keep:
        """How long what a purge removes is kept."""
        return Keep(
            log_days=self.log_keep_days,
            lease_days=self.lease_keep_days,
            call_days=self.call_keep_days,
            key_days=self.key_keep_days,
            answer_days=self.answer_keep_days,
            audit_days=self.audit_keep_days,
        )

    @property
    def caps(self) -> Caps:
        """The bounds of a request that begins now."""
        return Caps(
            max_steps=self.request_max_steps,
            max_depth=self.request_max_depth,
            max_replans=self.request_max_replans,
            max_step_retries=self.request_max_step_retries,
            max_step_timeout_s=self.request_max_step_timeout_s,
            window=self.request_window,
        )


NAMES: Final = tuple(LiveValues.model_fields)


def known(name: str) -> str:
    """Return a setting's name. Raises NotFound when there is none of it."""
    if name not in LiveValues.model_fields:
        raise NotFound("there is no such setting")
    return name


def like(name: str) -> Any:
    """Return the field of a setting, for the model of the environment's that has it too: one place says what it is."""
    return copy.copy(LiveValues.model_fields[name])


def default_of(name: str) -> Any:
    """Return what a setting is, as JSON has it, when neither the database nor the environment says it."""
    return json.loads(_adapter(name).dump_json(LiveValues.model_fields[name].default))


def meaning_of(name: str) -> str:
    """Return what a setting does."""
    return LiveValues.model_fields[name].description or ""


def allowed(name: str) -> dict[str, Any]:
    """Return what a setting may be, as a JSON Schema without references."""
    schema = _adapter(name).json_schema()
    found: dict[str, Any] = {**schema, **_referred(schema)}
    return {key: value for key, value in found.items() if key in _TOLD}


def checked(name: str, value: object) -> Any:
    """Return a value, as JSON has it, if the setting may have it. Nothing is converted but a whole number to a float.

    Raises:
        NotFound: There is no such setting.
        InvalidInput: It may not be that; the text says what it may be.
    """
    adapter = _adapter(known(name))
    try:
        return json.loads(adapter.dump_json(adapter.validate_json(json.dumps(value), strict=True)))
    except (ValidationError, ValueError, RecursionError):
        message = f"{name} must be {wording(allowed(name))}"
        raise InvalidInput(message, (Problem(code="invalid_value", path="/value", message=message),)) from None


def values_of(bootstrap: Mapping[str, Any], stored: Mapping[str, Any]) -> LiveValues:
    """Return what holds: what is stored, else what the environment says, else the defaults. All of it was checked."""
    return LiveValues.model_validate_json(json.dumps({**bootstrap, **stored}))


def wording(schema: Mapping[str, Any]) -> str:
    """Return what a schema allows, in words."""
    if "enum" in schema:
        return "one of: " + ", ".join(schema["enum"])
    if "anyOf" in schema:
        return " or ".join(wording(each) for each in schema["anyOf"])
    words = _WORDS[schema["type"]]
    if "minimum" in schema:
        words += f" from {schema['minimum']:g} to {schema['maximum']:g}"
    if "maxLength" in schema:
        words += f" of {schema['minLength']} to {schema['maxLength']} characters"
    return words


_TOLD: Final = ("type", "enum", "anyOf", "minimum", "maximum", "minLength", "maxLength")
_WORDS: Final = {
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "string": "a text",
    "null": "null",
}


def _referred(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    place = schema.get("$ref", "").rpartition("/")[2]
    found: Mapping[str, Any] = schema.get("$defs", {}).get(place, {})
    return found


@cache
def _adapter(name: str) -> TypeAdapter[Any]:
    field = LiveValues.model_fields[name]
    annotation: Any = Annotated[field.annotation, field]  # pyright: ignore[reportInvalidTypeForm]  known at run time
    return TypeAdapter[Any](annotation)
