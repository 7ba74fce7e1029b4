"""What the API is made of: handed to `create_app` by a composition root, to the routes as a dependency."""

import asyncio
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Annotated

from fastapi import Depends, Request
from temporalio.client import Client

from api.caller import Identity
from api.gateway.models import Models
from api.problems import ApiProblem
from contracts.gateway import Flights
from contracts.names import TASK_QUEUE
from domain.live_settings import LiveValues
from domain.placement import Placement
from runtime.edge_settings import Network
from services.identity.doors import Doors
from services.llm.admin import PoolAdmin
from services.storage.database import Database
from services.storage.event_reader import EventReader
from services.storage.event_writer import EventWriter
from services.storage.limited_subjects import LimitedSubjects
from services.storage.live import Live
from services.storage.live_settings import LiveSettings
from services.tools.admin import ToolAdmin

STARTS_AT_ONCE = 32
"""Gateway calls that one process starts at a time: more would only wait for each other in Temporal."""


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
        webhooks: Whether the ends of jobs can be told, because there is a secret to sign with.
        private_webhooks: Whether they may be told within private networks, and by http.
        default_model: What is asked for when nobody chose a model, None when it is not known here.
        trusted_proxies: Whose X-Forwarded-For is believed.
        allowed_origins: Whose web pages may call the API, beside this machine's own.
        public_url: Where browsers reach the API, without a slash at the end; None: where their call came to.
    """

    task_queue: str = TASK_QUEUE
    placement: Placement = Placement.AUTO
    search_attributes: bool = True
    eager_start: bool = False
    simulated: bool = False
    temporal_web: str | None = None
    webhooks: bool = False
    private_webhooks: bool = False
    default_model: str | None = None
    trusted_proxies: tuple[Network, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    public_url: str | None = None


@dataclass(frozen=True)
class Parts:
    """The database, the reader of its event log, and a Temporal client that may still be unconnected (lazy).

    `tools`: the registry of tool servers; None: this installation has none. `pool`: the models that the gateway offers;
    None: none. `live`: where answers are heard that are made in this very process; None: they are made in others.
    `writer`: this process's, for its metrics. `identity`: who knows the callers; None: nobody is served.
    `doors`: by what people log in; None: nobody does, and keys alone are served.
    `settings`: those that may change while it serves; None: they have their defaults.
    """

    database: Database
    reader: EventReader
    temporal: Client
    deployment: Deployment = Deployment()
    tools: ToolAdmin | None = None
    pool: Models | None = None
    live: Live | None = None
    flights: Flights | None = None
    starts: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(STARTS_AT_ONCE))
    writer: EventWriter | None = None
    identity: Identity | None = None
    doors: Doors | None = None
    settings: LiveSettings | None = None

    @property
    def values(self) -> LiveValues:
        """The live settings as they are now."""
        return LiveValues() if self.settings is None else self.settings.values

    @property
    def current(self) -> Deployment:
        """How this installation runs by the live settings as they are now."""
        if self.settings is None:
            return self.deployment
        values = self.settings.values
        return replace(
            self.deployment,
            placement=values.placement,
            private_webhooks=values.webhook_allow_private,
            default_model=values.default_model or self.deployment.default_model,
        )

    @cached_property
    def limited(self) -> LimitedSubjects:
        """Which callers have limits, as this process knows; kept true while it serves (`api.serving`)."""
        return LimitedSubjects(self.database)


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


async def _pool(parts: PartsOf) -> PoolAdmin:
    if not isinstance(parts.pool, PoolAdmin):
        raise ApiProblem(503, "no_pool", "this API was started without a model pool")
    return parts.pool


PoolOf = Annotated[PoolAdmin, Depends(_pool)]
"""A route's parameter for the model pool's desk."""
