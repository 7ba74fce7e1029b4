"""What every command works with."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Console

from cli.api import Api
from cli.place import Place


@dataclass(frozen=True)
class Session:
    """The API, where it is, and the terminal."""

    api: Api
    place: Place
    console: Console


Command = Callable[[Session, argparse.Namespace], int]
