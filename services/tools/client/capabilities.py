"""From what a server lists, item by item, to capabilities; an odd one is refused and spoils no other."""

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any, NamedTuple, cast

from pydantic import JsonValue

from domain.hidden import strip_hidden
from domain.tools import DESCRIPTION_LIMIT, Annotations, Capability, CapabilityKind
from services.tools.client.cleaning import Cleaning
from services.tools.client.schemas import usable
from services.tools.client.uri_templates import is_uri, variables

TITLE_LIMIT = 200
ARGUMENTS_LIMIT = 100
_SHOWN = 100

_NAME = re.compile(r"[A-Za-z0-9_.:/-]{1,128}\Z")
_HINTS = {
    "read_only": "readOnlyHint",
    "destructive": "destructiveHint",
    "idempotent": "idempotentHint",
    "open_world": "openWorldHint",
}

Item = Mapping[str, Any]


class Kind(NamedTuple):
    """How one kind is listed: the method, the result's field, the item's field that identifies it, and its reading."""

    kind: CapabilityKind
    method: str
    field: str
    identity: str
    read: Callable[[Item], Capability]


class Odd(ValueError):
    """An item that is not taken; the text says why."""


async def read(kind: Kind, items: Iterable[Any], limit: int) -> tuple[list[Capability], list[tuple[str, str]]]:
    """Return the first capabilities in a list, and the items that are refused, with the reason; others run in between.

    Names that occur twice are refused altogether: which one would be called cannot be told.
    """
    objects = [_object(item) for item in items]
    names = Counter(str(item.get(kind.identity)) for item in objects)
    taken: list[Capability] = []
    refused: dict[tuple[str, str], None] = {}
    for item in islice(objects, limit):
        await asyncio.sleep(0)  # compiling a hostile schema takes a moment
        name = str(item.get(kind.identity))
        try:
            capability = kind.read(item)
            if names[name] > 1:
                raise Odd("the name is listed more than once")
            taken.append(capability)
        except ValueError as error:  # pydantic's too
            refused[shown(name), str(error) if isinstance(error, Odd) else "it is not as the protocol says"] = None
    return taken, list(refused)


def shown(name: str) -> str:
    """Return a stranger's name as it can be shown: nothing hidden, not long, one line."""
    return repr(strip_hidden(name)[0][:_SHOWN])[1:-1]


def _tool(item: Item) -> Capability:
    if _object(item.get("execution")).get("taskSupport") == "required":
        raise Odd("it can only be called as a task, which this client does not speak")
    hints = _object(item.get("annotations"))
    output = item.get("outputSchema")
    return Capability(
        kind=CapabilityKind.TOOL,
        name=_name(item),
        title=_title(item) or _title(hints),
        description=_description(item),
        input_schema=_schema(item.get("inputSchema"), "input"),
        output_schema=None if output is None else _schema(output, "output"),
        annotations=Annotations(
            **{ours: hints.get(name) is True for ours, name in _HINTS.items() if _told(hints, name)}
        ),
    )


def _prompt(item: Item) -> Capability:
    arguments: object = item.get("arguments") or []
    if not isinstance(arguments, list) or len(cast("list[object]", arguments)) > ARGUMENTS_LIMIT:
        raise Odd("its arguments are no list, or too many")
    takes = [_object(one) for one in cast("list[object]", arguments)]
    return Capability(
        kind=CapabilityKind.PROMPT,
        name=_name(item),
        title=_title(item),
        description=_description(item),
        input_schema=_strings(
            {_name(one): _description(one) for one in takes},
            [_name(one) for one in takes if one.get("required") is True],
        ),
    )


def _resource(item: Item) -> Capability:
    uri = item.get("uri")
    if not isinstance(uri, str) or not is_uri(uri) or set("{}") & set(uri):
        raise Odd("its address is no plain URI")
    return Capability(
        kind=CapabilityKind.RESOURCE,
        name=uri,
        title=_title(item) or _short(item.get("name")),
        description=_description(item),
    )


def _template(item: Item) -> Capability:
    template = item.get("uriTemplate")
    names = variables(template) if isinstance(template, str) else None
    if not isinstance(template, str) or names is None:
        raise Odd("its template is not of level 1 of RFC 6570")
    return Capability(
        kind=CapabilityKind.RESOURCE_TEMPLATE,
        name=template,
        title=_title(item) or _short(item.get("name")),
        description=_description(item),
        input_schema=_strings(dict.fromkeys(names, ""), list(names)),
    )


KINDS = (
    Kind(CapabilityKind.TOOL, "tools/list", "tools", "name", _tool),
    Kind(CapabilityKind.RESOURCE, "resources/list", "resources", "uri", _resource),
    Kind(CapabilityKind.RESOURCE_TEMPLATE, "resources/templates/list", "resourceTemplates", "uriTemplate", _template),
    Kind(CapabilityKind.PROMPT, "prompts/list", "prompts", "name", _prompt),
)


def _object(value: object) -> Item:
    """Return an object; an empty one in place of anything else."""
    return cast("Item", value) if isinstance(value, dict) else {}


def _name(item: Item) -> str:
    name = item.get("name")
    if not isinstance(name, str) or not _NAME.match(name):
        raise Odd("its name has other characters than A-Z a-z 0-9 _ . : / -, or over 128")
    return name


def _title(item: Item) -> str | None:
    return _short(item.get("title"))


def _short(text: Any) -> str | None:
    return strip_hidden(text)[0][:TITLE_LIMIT] or None if isinstance(text, str) else None


def _description(item: Item) -> str:
    text = item.get("description")
    return strip_hidden(text)[0][:DESCRIPTION_LIMIT] if isinstance(text, str) else ""


def _schema(schema: Any, which: str) -> dict[str, Any]:
    clean = Cleaning().value(cast("JsonValue", schema)) if isinstance(schema, dict) else None
    if not isinstance(clean, dict):
        raise Odd(f"its {which} schema is no object")
    if not usable(clean):
        raise Odd(f"its {which} schema is too large or no JSON Schema")
    return clean


def _told(hints: Item, name: str) -> bool:
    return isinstance(hints.get(name), bool)


def _strings(described: dict[str, str], required: list[str]) -> dict[str, Any]:
    """Return the schema of an object of texts."""
    properties = {
        name: {"type": "string", "description": told} if told else {"type": "string"}
        for name, told in described.items()
    }
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
