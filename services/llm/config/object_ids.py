"""Ids of deployments that are made of what they are, and how many of them one route may have."""

import hashlib
import re

TARGETS_LIMIT = 200
"""Targets of one route, as `domain.model_pool.Route` has it."""

_LONGEST = 80
_MARK = 6
_NOT_ID = re.compile(r"[^a-z0-9._-]+")


def deployment_id(account_id: str, model: str) -> str:
    """Return the id of a model on an account: `openai.main.gpt-4o`.

    A model's name that is no id is spelled as one, with a mark that keeps it apart from others spelled so.
    """
    slug = _NOT_ID.sub("-", model.lower()).strip("-")
    made = f"{account_id}.{slug}"
    if slug == model and len(made) <= _LONGEST:
        return made
    mark = hashlib.sha256(f"{account_id}/{model}".encode()).hexdigest()[:_MARK]
    return f"{made[: _LONGEST - _MARK - 1]}-{mark}"
