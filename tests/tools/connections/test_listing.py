import json
from collections.abc import Callable
from typing import Any, cast

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from domain.errors import ToolAnswerInvalid, ToolAnswerTooLarge, ToolError
from domain.tool_server import ToolServer
from domain.tools import CAPABILITIES_LIMIT, DESCRIPTION_LIMIT, Action, ActionType, CapabilityKind
from services.tools.client.connections import Connections
from services.tools.client.listing import Listing
from tests.tools.connections.serving import OWNER, http_server
from tests.tools.connections.wire import Wire, failed, result, wired, with_response

PLAIN = {"type": "object"}
CAPABILITIES: dict[str, Any] = {"tools": {}, "resources": {}, "prompts": {}}
FIELDS = {
    "tools/list": "tools",
    "resources/list": "resources",
    "resources/templates/list": "resourceTemplates",
    "prompts/list": "prompts",
}


Pages = Callable[[str | None], dict[str, Any]]


class Lister(Wire):
    """A server that lists what a test says; what is not said, it does not know."""

    def __init__(self, capabilities: dict[str, Any] | None = None, **lists: Any) -> None:
        super().__init__(with_response(lambda _: Response(status_code=500)))
        self.greet = self._greeted
        self.capabilities = CAPABILITIES if capabilities is None else capabilities
        self.lists = lists
        self.listed = 0

    async def handle(self, request: Request) -> Response:
        """Answer lists; a callable list is asked for each page."""
        message: dict[str, Any] = json.loads(await request.body()) if request.method == "POST" else {}
        field = FIELDS.get(message.get("method", ""))
        if field is None:
            return await super().handle(request)
        self.listed += 1
        if field not in self.lists:
            return JSONResponse(failed(message, -32601, "no such method"))
        items: Any = self.lists[field]
        page: dict[str, Any] = {field: items}
        if callable(items):
            page = cast("Pages", items)(message.get("params", {}).get("cursor"))
        return JSONResponse(result(message, page))

    async def _greeted(self, _: Request, message: dict[str, Any]) -> Response:
        server = {"name": "lister\u200b", "version": "7"}
        greeting = {"protocolVersion": "2025-06-18", "capabilities": self.capabilities, "serverInfo": server}
        return JSONResponse(result(message, greeting))


async def listing_of(connections: Connections, lister: Lister) -> Listing:
    async with wired(lister) as url:
        return await connections.listing(http_server(url), OWNER)


async def test_everything_that_a_server_offers_is_listed(either: Connections, server: ToolServer) -> None:
    listing = await either.listing(server, OWNER)
    assert (listing.server_name, listing.server_version, listing.refused, listing.notes) == ("plain", "1.2.3", (), ())
    names = {(item.kind, item.name): item for item in listing.capabilities}
    add = names[CapabilityKind.TOOL, "add"]
    assert add.description == "Add two numbers."
    assert (add.annotations.read_only, add.annotations.destructive) == (True, None)
    assert add.output_schema is not None
    assert names[CapabilityKind.RESOURCE, "notes://today"].title == "Today"
    template = names[CapabilityKind.RESOURCE_TEMPLATE, "notes://day/{day}"]
    assert template.input_schema == {
        "type": "object",
        "properties": {"day": {"type": "string"}},
        "required": ["day"],
        "additionalProperties": False,
    }
    prompt = names[CapabilityKind.PROMPT, "summarize"]
    assert prompt.input_schema is not None
    assert prompt.input_schema["required"] == ["text"]


async def test_a_server_with_tools_only_is_asked_for_nothing_else(connections: Connections) -> None:
    lister = Lister({"tools": {}}, tools=[{"name": "a", "inputSchema": PLAIN}])
    listing = await listing_of(connections, lister)
    assert [item.name for item in listing.capabilities] == ["a"]
    assert (lister.listed, listing.server_name, listing.protocol) == (1, "lister", "2025-06-18")


async def test_a_declared_list_that_is_not_there_is_empty(connections: Connections) -> None:
    assert (await listing_of(connections, Lister(tools=[]))).capabilities == ()


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ({"name": "se\u200bnd", "inputSchema": PLAIN}, "characters"),
        ({"name": "вuy", "inputSchema": PLAIN}, "characters"),
        ({"name": "a b", "inputSchema": PLAIN}, "characters"),
        ({"name": "", "inputSchema": PLAIN}, "characters"),
        ({"name": "x" * 129, "inputSchema": PLAIN}, "characters"),
        ({"name": 5, "inputSchema": PLAIN}, "characters"),
        ({"inputSchema": PLAIN}, "characters"),
        ("text", "characters"),
        (None, "characters"),
        ({"name": "a"}, "no object"),
        ({"name": "a", "inputSchema": []}, "no object"),
        ({"name": "a", "inputSchema": "object"}, "no object"),
        ({"name": "a", "inputSchema": {"type": "nonsense"}}, "no JSON Schema"),
        ({"name": "a", "inputSchema": {"$ref": "http://127.0.0.1:9/schema"}}, "no JSON Schema"),
        ({"name": "a", "inputSchema": {"$ref": "file:///etc/passwd"}}, "no JSON Schema"),
        ({"name": "a", "inputSchema": {"description": "x" * 70_000}}, "too large"),
        ({"name": "a", "inputSchema": PLAIN, "outputSchema": 5}, "output schema is no object"),
    ],
)
async def test_an_odd_tool_is_refused_and_spoils_no_other(connections: Connections, item: object, reason: str) -> None:
    listing = await listing_of(connections, Lister(tools=[item, {"name": "good", "inputSchema": PLAIN}]))
    assert [tool.name for tool in listing.capabilities] == ["good"]
    ((name, why),) = listing.refused
    assert reason in why
    assert name.isprintable()
    assert len(name) <= 200


async def test_a_name_listed_twice_is_refused_altogether(connections: Connections) -> None:
    twice = [{"name": "a", "inputSchema": PLAIN, "description": text} for text in ("one", "two")]
    listing = await listing_of(connections, Lister(tools=[*twice, {"name": "b", "inputSchema": PLAIN}]))
    assert [tool.name for tool in listing.capabilities] == ["b"]
    assert listing.refused == (("a", "the name is listed more than once"),)


async def test_odd_resources_templates_and_prompts_are_refused(connections: Connections) -> None:
    lister = Lister(
        tools=[],
        resources=[
            {"uri": "notes://ok", "name": "ok"},
            {"uri": "notes://b\u00fc", "name": "x"},
            {"uri": "no uri", "name": "x"},
            {"uri": "notes://{day}", "name": "x"},
            {"uri": "notes://" + "x" * 1000, "name": "x"},
        ],
        resourceTemplates=[
            {"uriTemplate": "notes://{+path}", "name": "x"},
            {"uriTemplate": "notes://{a,b}", "name": "x"},
            {"uriTemplate": "notes://{a}/{a}", "name": "x"},
            {"uriTemplate": "notes://plain", "name": "x"},
            {"uriTemplate": 5},
        ],
        prompts=[{"name": "a", "arguments": "x"}, {"name": "b", "arguments": [{"name": "\u202e"}]}],
    )
    listing = await listing_of(connections, lister)
    assert [item.name for item in listing.capabilities] == ["notes://ok"]
    assert len(listing.refused) == 11


async def test_texts_are_cleaned_and_cut(connections: Connections) -> None:
    tool = {
        "name": "a",
        "title": "A\u200b" * 1000,
        "description": "order\U000e0041 " + "x" * 50_000,
        "inputSchema": {"type": "object", "properties": {"q\u200b": {"description": "hid\u202eden"}}},
        "annotations": {"readOnlyHint": "yes", "destructiveHint": False, "title": 5},
    }
    (capability,) = (await listing_of(connections, Lister(tools=[tool]))).capabilities
    assert capability.title == "A" * 200
    assert capability.description.startswith("order x")
    assert len(capability.description) == DESCRIPTION_LIMIT
    assert capability.input_schema == {"type": "object", "properties": {"q": {"description": "hidden"}}}
    assert (capability.annotations.read_only, capability.annotations.destructive) == (None, False)


async def test_ten_thousand_tools_are_cut_to_the_limit(connections: Connections) -> None:
    tools = [{"name": f"tool_{n}", "inputSchema": PLAIN} for n in range(10_000)]
    listing = await listing_of(connections, Lister(tools=tools))
    assert len(listing.capabilities) == CAPABILITIES_LIMIT
    assert any("10,000" in note for note in listing.notes)


async def test_pages_are_read_to_the_end(connections: Connections) -> None:
    def page(cursor: str | None) -> dict[str, Any]:
        number = int(cursor or 0)
        following = {"nextCursor": str(number + 1)} if number < 2 else {}
        return {"tools": [{"name": f"t{number}", "inputSchema": PLAIN}], **following}

    listing = await listing_of(connections, Lister(tools=page))
    assert [tool.name for tool in listing.capabilities] == ["t0", "t1", "t2"]


def circles(_: str | None) -> dict[str, Any]:
    return {"tools": [], "nextCursor": "same"}


def no_end(cursor: str | None) -> dict[str, Any]:
    return {"tools": [], "nextCursor": f"{cursor}x"}


@pytest.mark.parametrize(("pages", "reason"), [(circles, "goes in circles"), (no_end, "has too many pages")])
async def test_pages_without_end_are_cut(connections: Connections, pages: Pages, reason: str) -> None:
    (note,) = (await listing_of(connections, Lister(tools=pages))).notes
    assert note.endswith(reason)


@pytest.mark.parametrize("page", [{"tools": "x"}, {"tools": None}, {}])
async def test_a_list_that_is_none_is_invalid(connections: Connections, page: dict[str, Any]) -> None:
    def pages(_: str | None) -> dict[str, Any]:
        return page

    with pytest.raises(ToolAnswerInvalid):
        await listing_of(connections, Lister(tools=pages))


async def test_a_page_of_twenty_megabytes_is_too_large(connections: Connections) -> None:
    tools = [{"name": "a", "inputSchema": PLAIN, "description": "x" * 20_000_000}]
    with pytest.raises(ToolAnswerTooLarge):
        await listing_of(connections, Lister(tools=tools))


async def test_a_contract_is_taken_from_a_young_list(connections: Connections) -> None:
    lister = Lister({"tools": {}}, tools=[{"name": "a", "inputSchema": PLAIN}])
    async with wired(lister) as url:
        server = http_server(url)
        action = Action(server=server.id, type=ActionType.TOOL, name="a")
        assert (await connections.contract(server, OWNER, action, 60)) is not None
        assert (await connections.contract(server, OWNER, action, 60)) is not None
        assert lister.listed == 1
        lister.lists["tools"] = []
        assert (await connections.contract(server, OWNER, action, 0)) is None
        assert lister.listed == 2


async def test_a_resource_is_found_by_its_template(either: Connections, server: ToolServer) -> None:
    for name, kind in (
        ("notes://today", CapabilityKind.RESOURCE),
        ("notes://day/monday", CapabilityKind.RESOURCE_TEMPLATE),
        ("notes://day/{day}", CapabilityKind.RESOURCE_TEMPLATE),
    ):
        found = await either.contract(server, OWNER, Action(server=server.id, type=ActionType.RESOURCE, name=name), 60)
        assert found is not None
        assert found.kind is kind
    missing = Action(server=server.id, type=ActionType.RESOURCE, name="notes://day/a/b")
    assert await either.contract(server, OWNER, missing, 60) is None


async def test_a_server_that_does_not_answer_fails_every_question(connections: Connections) -> None:
    server = http_server("http://127.0.0.1:9/mcp")
    with pytest.raises(ToolError):
        await connections.listing(server, OWNER)
    with pytest.raises(ToolError):
        await connections.contract(server, OWNER, Action(server=server.id, type=ActionType.TOOL, name="a"), 60)
    assert connections.health()[server.id].errors == 2
