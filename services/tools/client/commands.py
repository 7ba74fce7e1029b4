"""The fixed list of commands that tool servers may run as, and what such a process gets of its surroundings."""

import os
import re
import tempfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from domain.errors import ToolRefused

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,199}\Z")
_LOADERS = re.compile(
    r"(?:LD_|DYLD_).*|PATH|IFS|ENV|BASH_ENV|SHELLOPTS|NODE_OPTIONS|PYTHON(?:PATH|HOME|STARTUP|INSPECT)"
    r"|PERL5(?:OPT|LIB)|RUBY(?:OPT|LIB)|JAVA_TOOL_OPTIONS|GIT_SSH.*\Z",
    re.IGNORECASE,
)
"""Variables that make a listed command run code that is not on the list."""


class Commands:
    """The allow-list.

    Attributes:
        allowed: Bare names.
        search: The folders where they are looked for, in order; they are also the processes' PATH.
        state_dir: Home and temporary folder of the processes; None: the system's temporary folder.
    """

    def __init__(self, allowed: Collection[str], search: Sequence[Path], *, state_dir: Path | None = None) -> None:
        self._allowed = frozenset(allowed)
        self._search = tuple(folder.absolute() for folder in search)
        self._state_dir = state_dir

    def check(self, command: str) -> None:
        """Check that a command is on the list.

        Raises:
            ToolRefused: It is not, or it is a path and no bare name.
        """
        if not _NAME.match(command) or command not in self._allowed:
            raise ToolRefused("the command is not on this installation's list of tool commands")

    def resolve(self, command: str) -> str:
        """Return the absolute path of a listed command.

        Raises:
            ToolRefused: It is not on the list, a path, or not installed in the folders that are searched.
        """
        self.check(command)
        for folder in self._search:
            path = folder / command
            if path.is_file() and os.access(path, os.X_OK):
                return str(path)
        raise ToolRefused(f"the command {command} is on the list, but not installed")

    def environment(self, own: Mapping[str, str]) -> dict[str, str]:
        """Return the whole environment of a process: the little a program needs to start, and the server's own.

        Raises:
            ToolRefused: The server's own would load foreign code or change the search path.
        """
        for name in own:
            if _LOADERS.match(name):
                raise ToolRefused(f"the environment variable {name[:50]} may not be set for a tool server")
        folder = self._folder()
        path = os.pathsep.join(map(str, self._search))
        # Some servers make their schemas from Python sets: without a seed every process would tell other tools.
        fixed = {"PYTHONHASHSEED": "0"}
        return {"PATH": path, "HOME": folder, "LANG": "C.UTF-8", "TMPDIR": folder, **fixed, **own}

    def _folder(self) -> str:
        if self._state_dir is None:
            return tempfile.gettempdir()
        self._state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        return str(self._state_dir.absolute())
