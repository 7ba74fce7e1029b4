"""Where to go from a request: paths of this API, and its page in Temporal Web."""

from urllib.parse import quote

from pydantic import BaseModel, Field

from api.parts import Parts


class Links(BaseModel):
    """Paths to GET (`self`, `plan`, `events`, `costs`) and to POST (the others)."""

    self: str
    plan: str
    events: str
    costs: str
    amend: str
    approve: str
    reply: str
    pause: str
    resume: str
    cancel: str
    fork: str
    temporal_web: str | None = Field(description="The workflow's page, when its address is known.")


def path_of(request_id: str) -> str:
    """Return the path of a request."""
    return f"/v1/requests/{request_id}"


def links_of(parts: Parts, request_id: str) -> Links:
    """Return a request's links."""
    path = path_of(request_id)
    verbs = ("plan", "events", "costs", "amend", "approve", "reply", "pause", "resume", "cancel", "fork")
    return Links(self=path, temporal_web=_web(parts, request_id), **{verb: f"{path}/{verb}" for verb in verbs})


def _web(parts: Parts, request_id: str) -> str | None:
    root = parts.deployment.temporal_web
    if root is None:
        return None
    return f"{root.rstrip('/')}/namespaces/{quote(parts.temporal.namespace, safe='')}/workflows/{request_id}"
