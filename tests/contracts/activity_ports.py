"""The activity ports as Temporal sees them."""

import inspect
from collections.abc import Callable
from typing import Any

from temporalio import activity

from contracts import ports as module


def ports() -> list[type]:
    """Return the classes of contracts/ports.py."""
    return [member for _, member in inspect.getmembers(module, inspect.isclass) if member.__module__ == module.__name__]


def methods(port: type) -> list[str]:
    """Return the names of a port's methods."""
    return [name for name, member in vars(port).items() if inspect.isfunction(member)]


def activity_name(method: Callable[..., Any]) -> str | None:
    """Return the name of the activity that a method is, None if it is none."""
    definition = activity._Definition.from_callable(method)  # pyright: ignore[reportPrivateUsage]  nothing public says
    return definition.name if definition else None
