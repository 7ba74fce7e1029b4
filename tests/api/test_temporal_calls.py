"""What Temporal refuses for a while is an outage, not a defect of ours."""

import secrets

import pytest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from api.temporal_calls import answering
from domain.errors import Unavailable


async def test_search_attribute_that_the_server_does_not_know_yet_is_an_outage(client: Client) -> None:
    unknown = SearchAttributePair(SearchAttributeKey.for_keyword("LonghaulNobody"), "x")
    with pytest.raises(Unavailable, match="search attributes"):
        async with answering():
            await client.start_workflow(
                "Nobody",
                id=secrets.token_hex(8),
                task_queue="nobody",
                search_attributes=TypedSearchAttributes([unknown]),
            )
