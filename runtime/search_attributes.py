"""The search attributes of our workflows, and how a Temporal server learns them.

Registered at set-up: a workflow that carries an unregistered one cannot be started.
"""

import asyncio
from typing import Final

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

NAMES: Final = ("LonghaulOwner", "LonghaulPhase", "LonghaulKind", "LonghaulModel")
"""All of type Keyword."""

VISIBLE_WITHIN_S: Final = 15.0
_REFUSALS: Final = frozenset(
    {RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNAUTHENTICATED, RPCStatusCode.UNIMPLEMENTED}
)


async def ensure(client: Client) -> bool:
    """Register what is missing in the client's namespace and wait until the server knows it.

    Returns:
        False when this client may not register them: run with LONGHAUL_SEARCH_ATTRIBUTES=off then.

    Raises:
        RPCError: The server failed in another way.
        TimeoutError: It took the names but does not show them.
    """
    try:
        missing = await _missing(client)
        if missing:
            await _add(client, missing)
            await _wait_until_known(client)
    except RPCError as error:
        if error.status in _REFUSALS:
            return False
        raise
    return True


async def _missing(client: Client) -> list[str]:
    request = ListSearchAttributesRequest(namespace=client.namespace)
    known = await client.operator_service.list_search_attributes(request)
    return [name for name in NAMES if name not in known.custom_attributes]


async def _add(client: Client, names: list[str]) -> None:
    keyword = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
    request = AddSearchAttributesRequest(namespace=client.namespace, search_attributes=dict.fromkeys(names, keyword))
    try:
        await client.operator_service.add_search_attributes(request)
    except RPCError as error:
        if error.status is not RPCStatusCode.ALREADY_EXISTS:  # somebody else was faster
            raise


async def _wait_until_known(client: Client) -> None:
    async with asyncio.timeout(VISIBLE_WITHIN_S):
        while await _missing(client):
            await asyncio.sleep(0.2)
