"""Long texts, stored once under their SHA-256. What `put` returns is safe to travel: short, or a reference."""

import hashlib
from collections.abc import Mapping

from domain.content import INLINE_LIMIT, Text
from domain.errors import NotFound
from services.storage.database import Tx

_PUT = "INSERT INTO blob (ref, body) SELECT * FROM unnest($1::text[], $2::bytea[]) ON CONFLICT DO NOTHING"
_LOAD = "SELECT ref, body FROM blob WHERE ref = ANY($1::text[])"


async def put(tx: Tx, text: str) -> Text:
    """Return the text inline when it has at most `INLINE_LIMIT` bytes and no NUL; else store it, once, by its hash."""
    return (await put_many(tx, {"": text}))[""]


async def put_many(tx: Tx, texts: Mapping[str, str]) -> dict[str, Text]:
    """`put` each value, in one round trip; no round trip when all are short. Lone surrogates become U+FFFD."""
    bodies: dict[str, bytes] = {}
    result = {name: _split(text, bodies) for name, text in texts.items()}
    if bodies:
        refs = sorted(bodies)  # one order for all writers: no deadlock
        await tx.driver.execute(_PUT, refs, [bodies[ref] for ref in refs])
    return result


async def load(tx: Tx, text: Text) -> str:
    """Return the whole text; no round trip when it is inline.

    Raises:
        NotFound: There is no such blob.
    """
    return (await load_many(tx, {"": text}))[""]


async def load_many(tx: Tx, texts: Mapping[str, Text]) -> dict[str, str]:
    """`load` each value, in at most one round trip."""
    wanted = {text.ref for text in texts.values() if text.text is None and text.ref is not None}
    found: dict[str, bytes] = {}
    if wanted:
        found = {row["ref"]: row["body"] for row in await tx.driver.fetch(_LOAD, sorted(wanted))}
    return {name: _whole(text, found) for name, text in texts.items()}


def _split(text: str, bodies: dict[str, bytes]) -> Text:
    """Return what travels, and add to `bodies` what has to be stored for it."""
    try:
        body = text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        body = text.encode()
    if len(body) <= INLINE_LIMIT and b"\0" not in body:
        return Text(text=text, size=len(body))
    ref = f"sha256:{hashlib.sha256(body).hexdigest()}"
    bodies[ref] = body
    return Text(ref=ref, size=len(body))


def _whole(text: Text, found: Mapping[str, bytes]) -> str:
    if text.text is not None:
        return text.text
    if text.ref is None or text.ref not in found:
        raise NotFound(f"no such blob: {text.ref}")
    return found[text.ref].decode()
