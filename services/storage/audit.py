"""The audit log, written: who did what to which object from where, in the transaction of the change itself.

What is written stays: the database refuses to change it, and removes it by age only. Details are bounded, and no
secret gets into them: members of a known name are masked, and so is any text that has the form of a credential.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self, cast

from domain.caller import LOCAL_TENANT, Caller
from services.storage import json_text
from services.storage.statements import Statements

MASK: Final = "•••"
DETAILS_BYTES: Final = 8 * 1024
"""How long the details of an entry may be, as JSON; of longer ones the beginning is kept."""
SECRET_KEYS: Final = frozenset(
    {
        "password",
        "secret",
        "token",
        "credential",
        "api_key",
        "authorization",
        "cookie",
        "pepper",
        "private_key",
        "signing_key",
        "master_key",
        "master_keys",
        "code_verifier",
        "client_secret",
    }
)
"""Names of members that are always masked, also as the end of a longer name (`refresh_token`)."""

_SAID_OF_SECRETS: Final = frozenset({"set", "removed", "kept"})
_CREDENTIALS: Final = re.compile(
    r"lh_[0-9a-f]{16}_[\w-]{20,}"  # our keys
    r"|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]+"  # JWTs
    r"|whsec_[\w+/=]{16,}|sk-[\w-]{16,}"
    r"|(?<=://)[^/?#\s]+(?=@)"  # user and password in an address
)
_STRING: Final = 500
_DEEPEST: Final = 20
_LONGEST: Final = {"actor": 200, "owner": 200, "object_id": 400, "address": 64}

_RECORD: Final = """
    INSERT INTO audit_entry (actor, owner, tenant, key_id, address, action, object_kind, object_id, details)
    SELECT $1, $2, $3, $4, $5, a->>0, a->>1, a->>2, a->3
    FROM jsonb_array_elements($6::jsonb) WITH ORDINALITY AS acts (a, at) ORDER BY at"""


@dataclass(frozen=True)
class By:
    """Who does something, and from where.

    Attributes:
        actor: Who is answerable; a part of the product that acts by itself is named like it, such as `purge`.
        owner: For whom it is done; the actor, unless they act for another.
        tenant: The owner's; who may read the entry.
        key_id: The public part of the API key, None for a token, or when nobody called.
        address: The client's, None when nobody called.
    """

    actor: str
    owner: str
    tenant: str = LOCAL_TENANT
    key_id: str | None = None
    address: str | None = None

    @classmethod
    def of(cls, caller: Caller, address: str | None) -> Self:
        """Return a caller of the API as the audit names them."""
        return cls(caller.by, caller.owner, caller.tenant, caller.key_id, address)

    @classmethod
    def itself(cls, name: str, tenant: str = LOCAL_TENANT) -> Self:
        """Return a part of the product that acts by itself, a file, or, `nobody`, a caller who is not known."""
        return cls(name, name, tenant)


@dataclass(frozen=True)
class Act:
    """What was done to which object.

    Attributes:
        action: A verb after its subject, such as `user.create` or `login.refused`.
        object_kind: What was acted on, such as `user`.
        object_id: Which one.
        details: What is worth knowing; masked and cut when written.
    """

    action: str
    object_kind: str
    object_id: str
    details: Mapping[str, Any] = field(default_factory=dict[str, Any])


async def record(tx: Statements, by: By, *acts: Act) -> None:
    """Write an entry for each act. In the transaction of the change, so that neither is there without the other."""
    if not acts:
        return
    written = [[act.action, act.object_kind, _cut(act.object_id, "object_id"), bounded(act.details)] for act in acts]
    await tx.fetch(
        _RECORD,
        _cut(by.actor, "actor"),
        _cut(by.owner, "owner"),
        by.tenant,
        by.key_id,
        None if by.address is None else _cut(by.address, "address"),
        json_text.encode(written),
    )


def bounded(details: Mapping[str, Any]) -> dict[str, Any]:
    """Return details as they are written: secrets masked, long texts cut, at most `DETAILS_BYTES` of JSON."""
    masked = cast("dict[str, Any]", _masked(dict(details)))
    text = json_text.encode(masked)
    size = len(text.encode())
    if size <= DETAILS_BYTES:
        return masked
    return {"cut": True, "bytes": size, "beginning": text[: DETAILS_BYTES // 5]}


def _masked(value: object, depth: int = 0) -> object:
    if depth > _DEEPEST:
        return "…"
    if isinstance(value, Mapping):
        members = cast("Mapping[object, object]", value)
        return {_text(str(key)): _member(str(key), each, depth + 1) for key, each in members.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_masked(each, depth + 1) for each in cast("list[object]", value)]
    if value is None or isinstance(value, (bool, int)) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return _text(str(value))


def _member(key: str, value: object, depth: int) -> object:
    tells_nothing = value is None or isinstance(value, bool) or (isinstance(value, str) and value in _SAID_OF_SECRETS)
    return MASK if _is_secret(key) and not tells_nothing else _masked(value, depth)


def _is_secret(key: str) -> bool:
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", key).lower().replace("-", "_")
    return name in SECRET_KEYS or any(name.endswith(f"_{secret}") for secret in SECRET_KEYS)


def _text(text: str) -> str:
    shown = _CREDENTIALS.sub(MASK, text)
    return shown if len(shown) <= _STRING else f"{shown[:_STRING]}…"


def _cut(text: str, name: str) -> str:
    return _text(text)[: _LONGEST[name]].replace("\0", "\ufffd")
