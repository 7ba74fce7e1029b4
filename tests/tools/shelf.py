"""Tool servers as rows of the database, for tests that only look things up."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.tools import Annotations, Capability, CapabilityKind, fingerprint
from services.storage.database import Database

_SERVER = """
    INSERT INTO tool_server (id, reach, transport, address, options, disabled, revision, source)
    VALUES ($1, 'x'::bytea, 'stdio', 'x', $2::jsonb, $3, 1, 'api')"""
_CONTRACT = "INSERT INTO tool_contract (hash, capability) VALUES ($1, $2::jsonb) ON CONFLICT DO NOTHING"
_CAPABILITY = """
    INSERT INTO tool_capability (server, kind, name, hash, approved_hash, present) VALUES ($1, $2, $3, $4, $5, $6)"""


@dataclass
class Shelf:
    """Servers of an owner that no other test has."""

    db: Database
    owner: str = field(default_factory=lambda: f"owner-{secrets.token_hex(6)}")

    async def server(self, *, disabled: bool = False, trusted: bool = True) -> str:
        """Add a server and return its id."""
        server = f"s{secrets.token_hex(6)}"
        options = json.dumps({"trusted": trusted, "owners": [self.owner]})
        await self.db.fetch(_SERVER, server, options, disabled)
        return server

    async def put(self, server: str, *offered: Capability, approved: bool = True, present: bool = True) -> None:
        """Add what a server offers."""
        for capability in offered:
            seen = fingerprint(capability)
            kind, name = capability.kind.value, capability.name
            await self.db.fetch(_CONTRACT, seen, capability.model_dump_json())
            await self.db.fetch(_CAPABILITY, server, kind, name, seen, seen if approved else None, present)


def tool(
    name: str, description: str = "", properties: Mapping[str, object] | None = None, *, reads: bool = False
) -> Capability:
    """A tool that requires these properties."""
    return Capability(
        kind=CapabilityKind.TOOL,
        name=name,
        description=description,
        input_schema={"type": "object", "properties": dict(properties or {}), "required": list(properties or {})},
        annotations=Annotations(read_only=reads),
    )
