"""Read models: what people ask about requests, folded from the event log. Another owner's request is `NotFound`."""

from services.storage.views.fold import rebuild

__all__ = ["rebuild"]
