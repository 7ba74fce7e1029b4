"""A job as it is accepted."""

from typing import Literal

from pydantic import BaseModel, Field

JobStatus = Literal["queued", "running", "done", "failed", "cancelled"]
"""`queued`: no provider has been asked yet."""


class JobLinks(BaseModel):
    """Paths: to GET how the job stands and its answer, or the answer as a stream; to POST its cancellation."""

    self: str
    stream: str
    cancel: str


class JobDocument(BaseModel):
    """A call that is answered by and by: poll `links.self`, or wait for its webhook."""

    id: str
    object: Literal["longhaul.job"] = "longhaul.job"
    status: JobStatus
    links: JobLinks = Field(description="Paths of this API.")


def job_document(call_id: str, status: JobStatus) -> JobDocument:
    """Return the document of a call."""
    path = path_of(call_id)
    return JobDocument(
        id=call_id, status=status, links=JobLinks(self=path, stream=f"{path}/stream", cancel=f"{path}/cancel")
    )


def path_of(call_id: str) -> str:
    """Return the path of a call."""
    return f"/v1/calls/{call_id}"
