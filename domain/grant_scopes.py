"""Comparing patterns: whether one reaches beyond others, so that nobody gives away more than they have."""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Annotated, Final

from pydantic import Field

from domain.grants import GrantKind, Grants

PATTERNS_AT_MOST: Final = 200

Pattern = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9._:/@*?+-]+$")]
"""A pattern: `*` is any text, `?` any one character; all else is itself."""


def covers(outer: str, inner: str) -> bool:
    """Whether all that `inner` matches is matched by `outer`. It may say no where yes would be true, never the reverse.

    The characters of `inner` are matched as they stand. A `*` of `inner` can then only be matched by a `*` of `outer`,
    which takes whatever it stands for; or by a `?`, which would not, so the two do not go together.
    """
    return fnmatchcase(inner, outer) and ("?" not in outer or "*" not in inner)


def reaches_within(grants: Grants, kind: GrantKind, pattern: str) -> bool:
    """Whether all that a pattern matches may be used by who has these grants."""
    return all(layer.get(kind) is None or _covered(layer[kind], pattern) for layer in grants.layers)


def may_use_all(grants: Grants, layer: Mapping[GrantKind, Iterable[str]]) -> bool:
    """Whether all that a layer's patterns match may be used by who has these grants."""
    return all(reaches_within(grants, kind, pattern) for kind, patterns in layer.items() for pattern in patterns)


def left_of(grants: Grants, kind: GrantKind) -> tuple[str, ...] | None:
    """Return patterns that reach as far as these grants do in one layer; None: no layer says anything of the kind."""
    said = [layer[kind] for layer in grants.layers if kind in layer]
    if not said:
        return None
    candidates = dict.fromkeys(pattern for layer in said for pattern in layer)
    return tuple(pattern for pattern in candidates if reaches_within(grants, kind, pattern))


def _covered(outer: Iterable[str], inner: str) -> bool:
    return any(covers(each, inner) for each in outer)
