"""A dialect's routes: what is posted, and its models."""

from collections.abc import Callable, Mapping

from starlette.routing import Route

from simulators.model_provider.chat import Kind
from simulators.model_provider.dialect import Asked, Incoming, Words
from simulators.model_provider.endpoint import Core, Endpoint
from simulators.model_provider.models import Models

Read = Callable[[Incoming, str], Asked]


def dialect_routes(core: Core, words: Words, base: str, posts: Mapping[str, tuple[Kind, Read]]) -> list[Route]:
    """Return the routes, in the order of `posts`: the busiest should be first.

    Args:
        core: What all dialects share.
        words: The dialect.
        base: What its paths begin with, that of its models too.
        posts: For each path after `base`, what is asked for there and how it is read.
    """
    models = Models(words, core.model_names, core.check_model)
    ways = [
        *(("POST", path, kind, read) for path, (kind, read) in posts.items()),
        ("GET", "/models", Kind.MODELS, models.read_list),
        ("GET", "/models/{id:path}", Kind.MODELS, models.read_one),
    ]
    return [Route(base + path, Endpoint(core, words, kind, read), methods=[verb]) for verb, path, kind, read in ways]
