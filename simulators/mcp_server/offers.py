"""What the honest server offers, as it is listed: tools, resources, a resource template and a prompt."""

from simulators.model_provider.json_value import Json, JsonObject

READS: JsonObject = {"readOnlyHint": True, "idempotentHint": True, "openWorldHint": False}
WRITES: JsonObject = {"readOnlyHint": False, "destructiveHint": False, "idempotentHint": False, "openWorldHint": False}
DESTROYS: JsonObject = {"readOnlyHint": False, "destructiveHint": True, "idempotentHint": True, "openWorldHint": False}


def schema(required: tuple[str, ...], **properties: Json) -> JsonObject:
    """Return the schema of an object with these properties and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def tool(
    name: str, description: str, takes: JsonObject, hints: JsonObject, gives: JsonObject | None = None
) -> JsonObject:
    """Return a tool as it is listed."""
    listed: JsonObject = {"name": name, "description": description, "inputSchema": takes, "annotations": hints}
    return listed if gives is None else listed | {"outputSchema": gives}


_TEXT: JsonObject = {"type": "string"}
_NUMBER: JsonObject = {"type": "number"}

TOOLS: tuple[JsonObject, ...] = (
    tool("echo", "Return the text.", schema(("text",), text=_TEXT), READS, schema(("text",), text=_TEXT)),
    tool("add", "Add two numbers.", schema(("a", "b"), a=_NUMBER, b=_NUMBER), READS, schema(("sum",), sum=_NUMBER)),
    tool(
        "note_create",
        "Write a note.",
        schema(("text",), text=_TEXT),
        WRITES,
        schema(("id", "text"), id={"type": "integer"}, text=_TEXT),
    ),
    tool(
        "note_list",
        "List the notes that contain a text.",
        schema((), contains=_TEXT),
        READS,
        schema(("notes",), notes={"type": "array", "items": {"type": "object"}}),
    ),
    tool("note_delete_all", "Delete every note.", schema(()), DESTROYS),
    tool(
        "slow",
        "Take a while, with progress.",
        schema((), seconds=_NUMBER, steps={"type": "integer", "minimum": 1, "maximum": 1000}),
        READS,
    ),
    tool("fail", "Fail with the text.", schema(("text",), text=_TEXT), READS),
)

RESOURCES: tuple[JsonObject, ...] = (
    {"uri": "memo://readme", "name": "readme", "description": "What this is.", "mimeType": "text/plain"},
    {"uri": "memo://notes", "name": "notes", "description": "All notes.", "mimeType": "application/json"},
)

TEMPLATES: tuple[JsonObject, ...] = (
    {"uriTemplate": "memo://notes/{id}", "name": "note", "description": "One note.", "mimeType": "text/plain"},
)

PROMPTS: tuple[JsonObject, ...] = (
    {
        "name": "summarise",
        "description": "Ask for a summary.",
        "arguments": [{"name": "text", "description": "What to summarise.", "required": True}],
    },
)
