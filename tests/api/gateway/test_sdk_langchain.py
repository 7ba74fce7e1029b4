"""The unchanged `langchain-openai` against the whole product."""

from collections.abc import AsyncIterator
from typing import Any, cast

import pytest_asyncio
from langchain_core.messages import AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.runnables import Runnable
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from openai import DefaultAsyncHttpxClient
from pydantic import BaseModel, SecretStr

from tests.api.gateway.sdk import KEY, Gateway


class Capital(BaseModel):
    """The capital of a country."""

    city: str


@tool
def get_weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"rain in {city}"


@pytest_asyncio.fixture
async def http() -> AsyncIterator[DefaultAsyncHttpxClient]:
    """Connections that are closed at the test's end; LangChain keeps its own for good."""
    async with DefaultAsyncHttpxClient(trust_env=False) as client:
        yield client


async def connected(gateway: Gateway, http: DefaultAsyncHttpxClient, **more: Any) -> dict[str, Any]:
    """Return how a client of LangChain reaches a model of its own."""
    reached = {"base_url": f"{gateway.url}/v1", "api_key": SecretStr(KEY), "max_retries": 0, "http_async_client": http}
    return {**reached, "model": await gateway.model(), **more}


async def chat(gateway: Gateway, http: DefaultAsyncHttpxClient, **more: Any) -> ChatOpenAI:
    return ChatOpenAI(**await connected(gateway, http, **more))


async def test_a_chat_is_invoked_and_streamed(gateway: Gateway, http: DefaultAsyncHttpxClient) -> None:
    model = await chat(gateway, http)
    whole = await model.ainvoke("What is the capital of France?")
    assert whole.content
    assert whole.usage_metadata is not None
    streamed = AIMessageChunk(content="")
    async for chunk in model.astream("What is the capital of France?"):
        streamed += chunk
    assert streamed.content == whole.content


async def test_a_loop_of_tools_goes_round(gateway: Gateway, http: DefaultAsyncHttpxClient) -> None:
    model = (await chat(gateway, http)).bind_tools([get_weather])
    question = HumanMessage('call get_weather {"city": "Paris"}')
    asked = await model.ainvoke([question])
    (call,) = asked.tool_calls
    assert (call["name"], call["args"]) == ("get_weather", {"city": "Paris"})
    answered = ToolMessage(await get_weather.ainvoke(call["args"]), tool_call_id=call["id"])
    told = await model.ainvoke([question, asked, answered])
    assert "rain in Paris" in str(told.content)


async def test_structured_output_is_parsed(gateway: Gateway, http: DefaultAsyncHttpxClient) -> None:
    model = cast("Runnable[Any, Any]", (await chat(gateway, http)).with_structured_output(Capital))
    assert isinstance(await model.ainvoke("What is the capital of France?"), Capital)


async def test_the_responses_api_is_used_where_asked_for(gateway: Gateway, http: DefaultAsyncHttpxClient) -> None:
    model = await chat(gateway, http, use_responses_api=True)
    whole = await model.ainvoke("What is the capital of France?")
    streamed = "".join([chunk.text async for chunk in model.astream("What is the capital of France?")])
    assert whole.text == streamed != ""


async def test_documents_are_embedded(gateway: Gateway, http: DefaultAsyncHttpxClient) -> None:
    embeddings = OpenAIEmbeddings(**await connected(gateway, http, check_embedding_ctx_length=False))
    red, blue = await embeddings.aembed_documents(["red", "blue"])
    assert red == await embeddings.aembed_query("red")
    assert red != blue
