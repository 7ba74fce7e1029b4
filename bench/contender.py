"""What is measured: a program that brings a request to its end."""

from dataclasses import dataclass, field
from typing import Final, Protocol

from temporalio.client import Client

ITEMS: Final = (
    "Describe how rain forms over the sea",
    "Describe how snow forms in the mountains",
    "Describe how fog forms in a valley",
    "Describe how hail forms in a storm",
    "Describe how dew forms on the grass",
)
MESSAGE: Final = "\n".join(f"- {item}" for item in ITEMS)
"""Five list items: the simulated planner makes five parallel steps of them; their results are then merged."""


@dataclass(frozen=True)
class Sample:
    """One request that ended well: seconds until it was accepted, and until its result was there."""

    workflow_id: str
    accepted_s: float
    total_s: float


class Program(Protocol):
    """Runs requests as workflows."""

    @property
    def client(self) -> Client:
        """Where its workflows are found."""
        ...

    async def run(self) -> Sample:
        """Run a request to its end.

        Raises:
            RequestFailedError: It ended in another way than it should.
        """
        ...


class RequestFailedError(RuntimeError):
    """A request of the benchmark did not end well: no figure of it counts."""


@dataclass(frozen=True)
class Contender:
    """A program under measurement.

    Attributes:
        name: Unique in a run.
        program: How a request is run.
        processes: The supervised processes that are its own, as against the servers that all share.
        database: Its own database, None when it has none.
    """

    name: str
    program: Program = field(compare=False)
    processes: tuple[str, ...]
    database: str | None = None
