"""What the API is made of: handed to `create_app` by a composition root, to the routes as a dependency."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from temporalio.client import Client

from api.problems import ApiProblem
from contracts.names import TASK_QUEUE
from domain.placement import Placement
from services.storage.database import Database
from services.storage.event_reader import EventReader
from services.tools.admin import ToolAdmin


@dataclass(frozen=True)
class Deployment:
    """How this installation runs.

    Attributes:
        task_queue: Where requests are run.
        placement: Where their steps run.
        search_attributes: Whether the Temporal server has ours registered.
        eager_start: Whether a worker in this process, on the same client, takes the first task without a round trip.
        simulated: Whether answers come from the simulated provider.
        temporal_web: The root of Temporal's web page, None when it is not known.
    """

    task_queue: str = TASK_QUEUE
    placement: Placement = Placement.AUTO
    search_attributes: bool = True
    eager_start: bool = False
    simulated: bool = False
    temporal_web: str | None = None


@dataclass(frozen=True)
class Parts:
    """The database, the reader of its event log, and a Temporal client that may still be unconnected (lazy).

    `tools`: the registry of tool servers; None: this installation has none.
    """

    database: Database
    reader: EventReader
    temporal: Client
    deployment: Deployment = Deployment()
    tools: ToolAdmin | None = None


async def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


PartsOf = Annotated[Parts, Depends(_parts)]
"""A route's parameter for the parts."""


async def _tools(parts: PartsOf) -> ToolAdmin:
    if parts.tools is None:
        raise ApiProblem(503, "no_tools", "this API was started without tool servers")
    return parts.tools


ToolsOf = Annotated[ToolAdmin, Depends(_tools)]
"""A route's parameter for the registry of tool servers."""
