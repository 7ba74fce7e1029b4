"""The live settings on the wire."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from services.storage.setting_versions import SettingVersion

Why = Annotated[
    str, Field(max_length=500, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*$", description="The reason, for who comes later.")
]


class Source(StrEnum):
    """Where a value comes from; an earlier one goes before a later one."""

    DATABASE = "database"
    ENVIRONMENT = "environment"
    DEFAULT = "default"


class SettingDocument(BaseModel):
    """A setting. `default`: what it is when it is not set in the database; `allowed`: a JSON Schema of its values."""

    name: str
    value: Any
    default: Any
    source: Source
    revision: int = Field(description="Counts its changes; 0: it was never changed.")
    meaning: str
    allowed: dict[str, Any]
    changed_by: str | None
    changed_at: datetime | None
    why: str | None


class SettingsDocument(BaseModel):
    """All live settings."""

    settings: list[SettingDocument]


class SettingBody(BaseModel):
    """A new value."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"value": 60, "why": "audit of the year"}})

    value: JsonValue = Field(description="As `allowed` says; null: it is no longer set.")
    why: Why = ""


class RevertBody(BaseModel):
    """Back to an earlier revision; this makes a new one."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"revision": 3, "why": "too short"}})

    revision: int = Field(ge=0, le=2**31 - 1, description="0: as it was before its first change.")
    why: Why = ""


class VersionsQuery(BaseModel):
    """Which versions."""

    model_config = ConfigDict(extra="forbid")

    before: int | None = Field(default=None, ge=1, le=2**31 - 1, description="`before` of the page before.")
    limit: int = Field(default=50, ge=1, le=200)


class VersionsDocument(BaseModel):
    """What a setting was set to, the newest first. `before`: give it to get the next page; null on the last."""

    versions: list[SettingVersion]
    before: int | None
