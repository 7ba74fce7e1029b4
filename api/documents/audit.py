"""The audit log on the wire."""

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.storage.views.audit import AuditEntryView

_Word = Annotated[str, Field(min_length=1, max_length=400, pattern=r"^[^\x00-\x1f\x7f]+$")]


class AuditRangeQuery(BaseModel):
    """Which entries: all that is given must fit."""

    model_config = ConfigDict(extra="forbid")

    actor: _Word | None = Field(default=None, description="Who is answerable: a user's id, or a part of the product.")
    owner: _Word | None = Field(default=None, description="The user for whom it was done.")
    action: _Word | None = Field(default=None, description="Such as `setting.change`.")
    object_kind: _Word | None = Field(default=None, description="Such as `setting`.")
    object_id: _Word | None = None
    tenant: _Word | None = Field(
        default=None, description="Whose; only the operating tenant's users may name another than their own."
    )
    since: AwareDatetime | None = Field(default=None, description="From then on.")
    until: AwareDatetime | None = Field(default=None, description="Until just before.")


class AuditQuery(AuditRangeQuery):
    """Which page of which entries."""

    cursor: str | None = Field(default=None, max_length=40, description="From the page before.")
    limit: int = Field(default=50, ge=1, le=500)


class AuditPage(BaseModel):
    """Entries, newest first. `cursor`: give it to get the next page; null on the last."""

    entries: list[AuditEntryView]
    cursor: str | None
