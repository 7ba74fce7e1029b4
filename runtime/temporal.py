"""The way to Temporal: one kind of client for API, worker and tests.

Payloads are JSON by pydantic without what was never set, so that histories stay small. Every call to the server is
bound in time: a server that is down is `Unavailable` within seconds, never a hang.
"""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any, Final, TypeVar

from temporalio.client import (
    CancelWorkflowInput,
    Client,
    DescribeWorkflowInput,
    Interceptor,
    OutboundInterceptor,
    QueryWorkflowInput,
    SignalWorkflowInput,
    StartWorkflowInput,
    WorkflowExecutionDescription,
    WorkflowHandle,
)
from temporalio.contrib.pydantic import PydanticPayloadConverter, ToJsonOptions
from temporalio.converter import DataConverter
from temporalio.service import RPCError, RPCStatusCode

from domain.errors import Unavailable
from runtime.settings import Settings

RPC_TIMEOUT: Final = timedelta(seconds=5)
"""Bound on a call that names none of its own (`rpc_timeout`), its retries by the SDK included."""

_DOWN: Final = frozenset(
    {RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED, RPCStatusCode.UNKNOWN}
)
T = TypeVar("T")


class NoAddressError(ValueError):
    """TEMPORAL_ADDRESS is not set."""


class _Payloads(PydanticPayloadConverter):
    def __init__(self) -> None:
        super().__init__(ToJsonOptions(exclude_unset=True))


DATA_CONVERTER: Final = DataConverter(payload_converter_class=_Payloads)


async def connect(settings: Settings, *, lazy: bool = False) -> Client:
    """Connect to the server of the settings.

    Args:
        settings: Where the server is.
        lazy: Connect at the first call, for a process that must start while the server is down. A lazy client cannot
            serve a worker (temporalio 1.35).

    Raises:
        NoAddressError: The settings name no server.
        Unavailable: The server does not answer; not when lazy.
    """
    if settings.temporal_address is None:
        raise NoAddressError("TEMPORAL_ADDRESS is not set: there is no Temporal server to connect to")
    connecting = Client.connect(
        settings.temporal_address,
        namespace=settings.temporal_namespace,
        data_converter=DATA_CONVERTER,
        interceptors=[_Bounds()],
        lazy=lazy,
    )
    return await _within(RPC_TIMEOUT, connecting)


class _Bounds(Interceptor):
    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:  # noqa: A002  the SDK's name
        return _Bounded(next)


class _Bounded(OutboundInterceptor):
    """Bounds the short calls. Updates are not among them: they wait for a worker, as long as their caller likes."""

    async def start_workflow(self, input: StartWorkflowInput) -> WorkflowHandle[Any, Any]:  # noqa: A002  as in the SDK
        return await _within(input.rpc_timeout, super().start_workflow(input))

    async def signal_workflow(self, input: SignalWorkflowInput) -> None:  # noqa: A002  as in the SDK
        await _within(input.rpc_timeout, super().signal_workflow(input))

    async def query_workflow(self, input: QueryWorkflowInput) -> Any:  # noqa: A002  as in the SDK
        return await _within(input.rpc_timeout, super().query_workflow(input))

    async def cancel_workflow(self, input: CancelWorkflowInput) -> None:  # noqa: A002  as in the SDK
        await _within(input.rpc_timeout, super().cancel_workflow(input))

    async def describe_workflow(self, input: DescribeWorkflowInput) -> WorkflowExecutionDescription:  # noqa: A002  as in the SDK
        return await _within(input.rpc_timeout, super().describe_workflow(input))


async def _within(limit: timedelta | None, call: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout((limit or RPC_TIMEOUT).total_seconds()):
            return await call
    except (TimeoutError, RuntimeError) as error:  # RuntimeError: the SDK could not connect
        raise Unavailable("Temporal does not answer") from error
    except RPCError as error:
        if error.status in _DOWN:
            raise Unavailable("Temporal does not answer") from error
        raise
