"""Capabilities: what identifies and fingerprints them, how they differ, and what they may do to the world."""

from typing import Any

import pytest

from domain.content import Text
from domain.tool_server import SERVER_ID, Http, ServerOptions, Stdio, ToolServer
from domain.tools import (
    Action,
    ActionType,
    Annotations,
    Capability,
    CapabilityKind,
    Change,
    Effect,
    Pin,
    ReadyCall,
    difference,
    effect_of,
    fingerprint,
    pin_of,
)

TOOL = Capability(kind=CapabilityKind.TOOL, name="note_create", description="Creates a note.")


def test_a_fingerprint_covers_everything_a_capability_says() -> None:
    changed: list[dict[str, Any]] = [
        {"kind": CapabilityKind.PROMPT},
        {"name": "note_delete"},
        {"title": "T"},
        {"description": "Deletes."},
        {"input_schema": {}},
        {"output_schema": {}},
        {"annotations": Annotations(read_only=False)},
    ]
    seen = {fingerprint(TOOL)} | {fingerprint(TOOL.model_copy(update=fields)) for fields in changed}
    assert len(seen) == 1 + len(changed)


def test_a_fingerprint_does_not_depend_on_the_order_of_keys() -> None:
    one = TOOL.model_copy(update={"input_schema": {"a": 1, "b": 2}})
    other = TOOL.model_copy(update={"input_schema": {"b": 2, "a": 1}})
    assert fingerprint(one) == fingerprint(other)
    assert fingerprint(one).startswith("sha256:")


def test_a_difference_names_the_fields_in_words_for_people() -> None:
    after = TOOL.model_copy(update={"description": "x" * 9000, "input_schema": {"b": "ü", "a": 1}})
    described, schema = difference(TOOL, after)
    assert (described.field, described.before, len(described.after or "")) == ("description", "Creates a note.", 4000)
    assert schema == Change(field="input_schema", before=None, after='{"a": 1, "b": "ü"}')
    assert difference(TOOL, TOOL) == ()


@pytest.mark.parametrize(
    ("hints", "trusted", "effect"),
    [
        ({}, True, Effect.DESTRUCTIVE),
        ({"read_only": True}, True, Effect.READ),
        ({"read_only": True, "destructive": True}, True, Effect.READ),
        ({"destructive": False}, True, Effect.WRITE),
        ({"read_only": False, "destructive": True}, True, Effect.DESTRUCTIVE),
        ({"read_only": True}, False, Effect.WRITE),
        ({"destructive": True}, False, Effect.WRITE),
    ],
)
def test_only_a_trusted_servers_hints_count(hints: dict[str, Any], trusted: bool, effect: Effect) -> None:
    assert effect_of(TOOL.model_copy(update={"annotations": Annotations(**hints)}), trusted=trusted) is effect


@pytest.mark.parametrize("kind", [CapabilityKind.RESOURCE, CapabilityKind.RESOURCE_TEMPLATE, CapabilityKind.PROMPT])
def test_reading_a_resource_or_a_prompt_changes_nothing(kind: CapabilityKind) -> None:
    assert effect_of(TOOL.model_copy(update={"kind": kind}), trusted=False) is Effect.READ


def test_an_admins_word_wins() -> None:
    assert effect_of(TOOL, trusted=False, override=Effect.READ) is Effect.READ


@pytest.mark.parametrize(("trusted", "idempotent"), [(True, True), (False, False)])
def test_a_pin_says_what_was_approved(trusted: bool, idempotent: bool) -> None:
    capability = TOOL.model_copy(update={"annotations": Annotations(idempotent=True, destructive=False)})
    assert pin_of(capability, trusted=trusted) == Pin(
        hash=fingerprint(capability),
        kind=CapabilityKind.TOOL,
        capability="note_create",
        effect=Effect.WRITE,
        idempotent=idempotent,
    )


@pytest.mark.parametrize(
    ("effect", "idempotent", "may"),
    [(Effect.READ, False, True), (Effect.WRITE, True, True), (Effect.WRITE, False, False)],
)
def test_only_reads_and_idempotent_writes_may_be_repeated(effect: Effect, idempotent: bool, may: bool) -> None:
    pin = Pin(hash="h", kind=CapabilityKind.TOOL, capability="c", effect=effect, idempotent=idempotent)
    assert ReadyCall(arguments=Text.inline("{}"), pin=pin).may_repeat is may


def test_an_approval_covers_one_contract_with_the_same_arguments() -> None:
    pin = Pin(hash="h", kind=CapabilityKind.TOOL, capability="c", effect=Effect.WRITE)
    call = ReadyCall(arguments=Text.inline('{"a":1}'), pin=pin)
    others = [
        call.model_copy(update={"arguments": Text.inline('{"a":2}')}),
        call.model_copy(update={"arguments": Text(ref="sha256:1", size=7)}),
        call.model_copy(update={"pin": pin.model_copy(update={"hash": "i"})}),
    ]
    assert len({call.digest, *(other.digest for other in others)}) == 4
    assert call.digest == call.model_copy().digest


def test_names_for_people_and_for_the_registry() -> None:
    assert str(Action(server="notes", type=ActionType.TOOL, name="note_create")) == "notes: note_create"
    assert TOOL.key == (CapabilityKind.TOOL, "note_create")


@pytest.mark.parametrize(("server", "good"), [("jira-2", True), ("Jira", False), ("a\n", False), ("", False)])
def test_a_servers_id_is_short_and_plain(server: str, good: bool) -> None:
    assert (SERVER_ID.match(server) is not None) is good


@pytest.mark.parametrize(
    "reach", [Stdio(command="server", args=("-v",)), Http(url="https://example.com/mcp", allow_private=True)]
)
def test_a_server_survives_its_json(reach: Stdio | Http) -> None:
    server = ToolServer(id="notes", reach=reach, options=ServerOptions(trusted=True))
    assert ToolServer.model_validate_json(server.model_dump_json()) == server
