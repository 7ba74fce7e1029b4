"""What a caller wants of the result cache, by the request's Cache-Control (RFC 9111, section 5.2.1)."""

import re
from dataclasses import dataclass

from domain.model_pool import Route

_MAX_AGE = re.compile(r"max-age=\"?(\d{1,9})\"?\Z")


@dataclass(frozen=True)
class CacheWish:
    """The answer may be a kept one, at most `max_age_s` seconds old (None: as old as its route lets it get)."""

    max_age_s: float | None = None


def wish_of(cache_control: str | None, route: Route) -> CacheWish | None:
    """Return what is wanted; None: neither a kept answer nor that this one be kept. Unknown directives say nothing."""
    if route.cache_ttl_s <= 0:
        return None
    directives = [directive.strip().lower() for directive in (cache_control or "").split(",")]
    if "no-store" in directives:
        return None
    if "no-cache" in directives:
        return CacheWish(0)
    ages = [float(found[1]) for found in map(_MAX_AGE.match, directives) if found]
    return CacheWish(min(ages)) if ages else CacheWish()
