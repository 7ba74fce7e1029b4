"""Long texts, stored once under their SHA-256. What `put` returns is safe to travel: short, or a reference."""

import hashlib
from collections.abc import Mapping
from typing import NamedTuple

from domain.content import INLINE_LIMIT, Text
from domain.errors import NotFound
from services.storage.statements import Statements

_PUT = "SELECT longhaul_blob_put(ref, body, false) FROM unnest($1::text[], $2::bytea[]) AS given (ref, body)"
_LOAD = "SELECT ref, body FROM blob WHERE ref = ANY($1::text[])"


class Portable(NamedTuple):
    """A text fit to travel, and the body that has to be stored for it: None when it is inline."""

    text: Text
    body: bytes | None


async def put(where: Statements, text: str) -> Text:
    """Return the text inline when it has at most `INLINE_LIMIT` bytes and no NUL; else store it, once, by its hash."""
    return (await put_many(where, {"": text}))[""]


async def put_many(where: Statements, texts: Mapping[str, str]) -> dict[str, Text]:
    """`put` each value, in one statement; none when all are short. Lone surrogates become U+FFFD."""
    made = {name: portable(text) for name, text in texts.items()}
    bodies = {each.text.ref: each.body for each in made.values() if each.text.ref is not None}
    if bodies:
        refs = sorted(bodies)  # one order for all writers: no deadlock
        await where.fetch(_PUT, refs, [bodies[ref] for ref in refs])
    return {name: each.text for name, each in made.items()}


async def load(where: Statements, text: Text) -> str:
    """Return the whole text; no round trip when it is inline.

    Raises:
        NotFound: There is no such blob.
    """
    return (await load_many(where, {"": text}))[""]


async def load_many(where: Statements, texts: Mapping[str, Text]) -> dict[str, str]:
    """`load` each value, in at most one statement."""
    wanted = {text.ref for text in texts.values() if text.text is None and text.ref is not None}
    found: dict[str, bytes] = {}
    if wanted:
        found = {row["ref"]: row["body"] for row in await where.fetch(_LOAD, sorted(wanted))}
    return {name: _whole(text, found) for name, text in texts.items()}


def portable(text: str) -> Portable:
    """Return what travels, and what has to be stored for it by the caller. `put` does both."""
    try:
        body = text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        body = text.encode()
    if len(body) <= INLINE_LIMIT and b"\0" not in body:
        return Portable(Text(text=text, size=len(body)), None)
    return Portable(Text(ref=f"sha256:{hashlib.sha256(body).hexdigest()}", size=len(body)), body)


def _whole(text: Text, found: Mapping[str, bytes]) -> str:
    if text.text is not None:
        return text.text
    if text.ref is None or text.ref not in found:
        raise NotFound(f"no such blob: {text.ref}")
    return found[text.ref].decode()
