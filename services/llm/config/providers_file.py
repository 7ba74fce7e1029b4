"""providers.yaml, taken over into the database when it has changed.

What admins have changed since is theirs and stays. What is gone from the file goes. Without a file nothing changes.
"""

import asyncio
import hashlib
import json
import logging
from collections.abc import Mapping
from pathlib import Path

from domain.errors import InvalidInput, Problem
from domain.route_fallbacks import Fallbacks
from domain.templates import escape
from services.llm.config import imported
from services.llm.config.edit import Edit, Source, editing
from services.llm.config.providers_yaml import parse
from services.llm.config.shelf import ROUTES, named
from services.llm.config.takeover import Taken, Wanted, take_over
from services.storage.database import Tx
from services.vault.vault import Vault

MAX_BYTES = 8 * 1024 * 1024

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('pool_import', 0))"

_SETTINGS_NAMES = frozenset({"route *", "provider default"})
"""What the settings would have made if the file had not."""

_log = logging.getLogger(__name__)


async def import_file(tx: Tx, vault: Vault, path: Path, variables: Mapping[str, str]) -> Taken:
    """Take over a file if it, or a variable in it, is not what was taken over last.

    Args:
        tx: The transaction.
        vault: Seals the credentials.
        path: The file; when there is none, nothing changes.
        variables: What `${NAME}` stands for.

    Raises:
        InvalidInput: The file cannot be used; `problems` say where. Nothing is taken over then.
    """
    content = await asyncio.to_thread(_content, path)
    if content is None:
        return Taken()
    if len(content) > MAX_BYTES:
        raise InvalidInput(f"{path.name} has more than {MAX_BYTES} bytes")
    wanted = await asyncio.to_thread(parse, content, path.name, variables)
    digest = _digest(wanted)
    await tx.fetch(_LOCK)
    if not await imported.is_news(tx, vault, Source.FILE, digest):
        return Taken()
    async with editing(tx, path.name, Source.FILE) as edit:
        await _check_fallbacks(edit, wanted, path.name)
        taken = await take_over(edit, vault, wanted)
    if _SETTINGS_NAMES.intersection(taken.removed):
        await imported.forget(tx, Source.SETTINGS)
    await imported.remember(tx, vault, Source.FILE, digest)
    _tell(path.name, taken)
    return taken


def _digest(wanted: Wanted) -> str:
    """Return a digest of what a file means, the credentials included."""
    made = hashlib.sha256()
    for value in (*wanted.providers, *wanted.accounts, *wanted.deployments, *wanted.routes):
        made.update(json.dumps(value.model_dump(), sort_keys=True, default=sorted).encode(errors="replace"))
    for account_id, secret in sorted(wanted.credentials.items()):
        made.update(f"\0{account_id}\0{secret.get_secret_value()}".encode())
    return made.hexdigest()


async def _check_fallbacks(edit: Edit, wanted: Wanted, name: str) -> None:
    """Check the fallbacks of the file's routes among all routes that there will be."""
    stored = await ROUTES.all(edit.tx)
    staying = {key: each.value for key, each in stored.items() if each.source is not Source.FILE}
    routes = {**{ROUTES.key_of(route): route for route in wanted.routes}, **staying}
    fallbacks = Fallbacks(routes.values())
    problems: list[Problem] = []
    for route in wanted.routes:
        problems += fallbacks.problems(route, f"/routes/{escape(named(ROUTES.key_of(route)))}")
    if problems:
        raise InvalidInput(f"{name}{problems[0].path}: {problems[0].message}", tuple(problems))


def _tell(name: str, taken: Taken) -> None:
    counts = (len(taken.added), len(taken.changed), len(taken.removed), len(taken.disabled))
    if taken:
        _log.info("%s: %d added, %d changed, %d removed, %d disabled", name, *counts)


def _content(path: Path) -> bytes | None:
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)
