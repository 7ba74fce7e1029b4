"""A tool: its name and contract, and the function that does it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Generic, TypeVar

from fastapi.exceptions import RequestValidationError
from mcp_types import CallToolResult, TextContent, ToolAnnotations
from mcp_types import Tool as ListedTool
from pydantic import BaseModel, ValidationError
from pydantic.json_schema import GenerateJsonSchema

from api.access import demand
from api.mcp_server.arguments import OfRequest
from api.mcp_server.calls import Call
from api.parameters import check_request_id
from domain.permissions import Permission

A = TypeVar("A", bound=BaseModel)
R = TypeVar("R", bound=BaseModel)

READS: Final = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)
"""Changes nothing."""

STARTS: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=True
)
"""Adds work, once more with each call that brings no idempotency key."""

STEERS: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=True
)
"""Lets work go on, or hold; the same again changes nothing more."""

DECIDES: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=True
)
"""Ends work, or lets a held-back write happen: not to be taken back; the same again changes nothing more."""


class _Untitled(GenerateJsonSchema):
    """Leaves out the titles of fields, which repeat their names: a fifth of what every client has to read."""

    def field_title_should_be_set(self, schema: object) -> bool:
        """Never."""
        del schema
        return False


@dataclass(frozen=True)
class Tool(Generic[A, R]):
    """A tool that takes an `A` and gives an `R`, both JSON objects."""

    name: str
    title: str
    about: str
    wants: Permission
    effect: ToolAnnotations
    takes: type[A]
    gives: type[R]
    run: Callable[[Call, A], Awaitable[R]]

    @cached_property
    def listed(self) -> ListedTool:
        """The tool as clients see it in the list."""
        return ListedTool(
            name=self.name,
            title=self.title,
            description=self.about,
            input_schema=self.takes.model_json_schema(schema_generator=_Untitled),
            output_schema=self.gives.model_json_schema(mode="serialization", schema_generator=_Untitled),
            annotations=self.effect,
        )

    async def call(self, call: Call, arguments: Mapping[str, Any]) -> CallToolResult:
        """Check the arguments and run.

        Raises:
            Forbidden: The caller may not use the tool.
            RequestValidationError: The arguments have the wrong shape.
            ApiProblem, LonghaulError: As the routes answer them.
        """
        demand(call.caller, self.wants)
        given = self._read(arguments)
        if isinstance(given, OfRequest):
            check_request_id(given.request_id)
        answer = await self.run(call, given)
        text = answer.model_dump_json()
        return CallToolResult(content=[TextContent(text=text)], structured_content=answer.model_dump(mode="json"))

    def _read(self, arguments: Mapping[str, Any]) -> A:
        try:
            return self.takes.model_validate(arguments)
        except ValidationError as error:
            items = error.errors(include_url=False, include_context=False, include_input=False)
            raise RequestValidationError([{**item, "loc": ("body", *item["loc"])} for item in items]) from None
