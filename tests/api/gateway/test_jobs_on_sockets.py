import httpx

from tests.api.gateway.maker import Maker, model
from tests.api.gateway.test_ws_chats import HELLO, socket_of


async def test_a_socket_takes_no_jobs_and_says_where_to_ask(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model()
    body = {"model": name, "messages": HELLO, "longhaul": {"async": True}}
    async with socket_of(gate) as socket:
        await socket.send({"id": "a", "type": "chat", "body": body})
        (frame,) = await socket.until_over()
    assert frame["error"]["code"] == "no_jobs_here"
    assert frame["error"]["param"] == "body.longhaul.async"
    assert await maker.calls(name) == []
