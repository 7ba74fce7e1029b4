"""Revisions of configured objects: each change makes the next one, and may name the one that it was made for."""

from domain.errors import Conflict


class StaleRevision(Conflict):
    """The object has another revision than the caller thinks."""
