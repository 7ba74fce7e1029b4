"""Project contexts: one document an owner."""

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from domain.context import ProjectContext
from domain.drafts import problems_of
from domain.errors import InvalidInput
from services.storage import audit, json_text
from services.storage.audit import Act, By
from services.storage.database import Tx
from services.storage.statements import Statements

MAX_BYTES = 64 * 1024

_GET = "SELECT data FROM project_context WHERE owner = $1"
_HASH = "SELECT source_hash FROM project_context WHERE owner = $1"
_PUT = """
    INSERT INTO project_context AS c (owner, data, source_hash) VALUES ($1, $2, $3)
    ON CONFLICT (owner) DO UPDATE SET data = excluded.data,
        source_hash = coalesce(excluded.source_hash, c.source_hash), updated_at = clock_timestamp()"""


async def get(where: Statements, owner: str) -> ProjectContext:
    """Return the owner's context; an empty one when there is none."""
    rows = await where.fetch(_GET, owner)
    return ProjectContext.model_validate(rows[0]["data"]) if rows else ProjectContext()


async def put(tx: Tx, owner: str, context: ProjectContext) -> None:
    """Replace the owner's context.

    Raises:
        InvalidInput: It has more than 64 KiB as JSON.
    """
    await _store(tx, owner, context, None)


async def import_file(tx: Tx, owner: str, path: Path) -> bool:
    """Take over a YAML file if it changed since it was imported last, so that edits made since by API survive restarts.

    Returns:
        Whether the context was replaced; False also when there is no file.

    Raises:
        InvalidInput: The file is not YAML, or not a context; `problems` say where.
    """
    content = await asyncio.to_thread(_content, path)
    if content is None:
        return False
    source_hash = hashlib.sha256(content).hexdigest()
    if await tx.driver.fetchval(_HASH, owner) == source_hash:
        return False
    await _store(tx, owner, _parse(content, path.name), source_hash)
    await audit.record(tx, By.itself(path.name), Act("context.replace", "context", owner))
    return True


async def _store(tx: Tx, owner: str, context: ProjectContext, source_hash: str | None) -> None:
    data = json_text.encode(context.model_dump(mode="json", exclude_defaults=True))
    if len(data.encode()) > MAX_BYTES:
        raise InvalidInput(f"a project context has at most {MAX_BYTES} bytes as JSON")
    await tx.driver.execute(_PUT, owner, data, source_hash)


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _parse(content: bytes, name: str) -> ProjectContext:
    try:
        data: Any = yaml.safe_load(content)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{name} is not valid YAML") from error
    try:
        return ProjectContext.model_validate(data or {})
    except ValidationError as error:
        raise InvalidInput(f"{name} is not a project context", problems_of(error, "")) from error
