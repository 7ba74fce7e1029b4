"""The activity ports as Temporal sees them."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from types import ModuleType
from typing import Any

from temporalio import activity

import contracts


def ports() -> list[type]:
    """Return the abstract classes of contracts/."""
    names = [f"contracts.{module.name}" for module in pkgutil.iter_modules(contracts.__path__)]
    return [port for name in names for port in _ports(importlib.import_module(name))]


def _ports(module: ModuleType) -> list[type]:
    found = [member for _, member in inspect.getmembers(module, inspect.isabstract)]
    return [member for member in found if member.__module__ == module.__name__]


def methods(port: type) -> list[str]:
    """Return the names of a port's methods."""
    return [name for name, member in vars(port).items() if inspect.isfunction(member)]


def activity_name(method: Callable[..., Any]) -> str | None:
    """Return the name of the activity that a method is, None if it is none."""
    definition = activity._Definition.from_callable(method)  # pyright: ignore[reportPrivateUsage]  nothing public says
    return definition.name if definition else None
