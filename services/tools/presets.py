"""What is known of well-known tool servers: how their writes are looked up, and which may be repeated."""

from functools import cache
from pathlib import Path
from typing import Final

import yaml
from pydantic import TypeAdapter

from domain.tool_server import LookUp
from domain.value import Value

_FILE: Final = Path(__file__).with_name("presets.yaml")


class _Preset(Value):
    look_ups: tuple[LookUp, ...] = ()
    idempotent: tuple[str, ...] = ()


_PRESETS: Final = TypeAdapter(dict[str, _Preset])


def look_ups(preset: str) -> tuple[LookUp, ...]:
    """Return how a known server's writes are looked up; nothing for a server that is not known."""
    return _presets().get(preset, _Preset()).look_ups


def idempotent(preset: str) -> tuple[str, ...]:
    """Return the tools of a known server that may be repeated safely though it does not say so."""
    return _presets().get(preset, _Preset()).idempotent


@cache
def _presets() -> dict[str, _Preset]:
    return _PRESETS.validate_python(yaml.safe_load(_FILE.read_text(encoding="utf-8")))
