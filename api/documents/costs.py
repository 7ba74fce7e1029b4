"""Costs on the wire."""

from pydantic import BaseModel, Field

from services.storage.views.calls import CallView


class CostsDocument(BaseModel):
    """Costs in micro-units. `total_micros` includes sub-requests; the other sums and `calls` are the request's own."""

    request_id: str
    total_micros: int
    budget_micros: int | None
    by_slot: dict[str, int] = Field(description="A step's id, `<step>@evaluate`, or one of the coordinator's slots.")
    by_model: dict[str, int]
    calls: list[CallView] = Field(description="Oldest first.")
