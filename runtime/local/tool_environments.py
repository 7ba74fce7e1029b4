"""Where the commands of tool servers are installed: environments of their own, apart from Longhaul's.

`deploy/tools/setup.sh` makes them; what is not made is not there.
"""

import shutil
from pathlib import Path
from typing import Final

FOLDER: Final = ".venv-tools"

_COMMANDS: Final = ("atlassian/bin", "reference/bin", "node/node_modules/.bin")
_PROGRAMS: Final = ("node", "git")


def search_path(project_root: Path) -> tuple[Path, ...]:
    """Return the folders that hold tool servers' commands, as far as they exist.

    Args:
        project_root: The tree whose environments are meant.
    """
    folders = (project_root / FOLDER / commands for commands in _COMMANDS)
    return tuple(folder for folder in folders if folder.is_dir())


def program_folders() -> tuple[Path, ...]:
    """Return the folders of programs that some servers run: node for those written for it, git for `mcp-server-git`.

    They belong behind `search_path` in what a server's process has as its PATH.
    """
    found = (shutil.which(program) for program in _PROGRAMS)
    return tuple(dict.fromkeys(Path(program).parent for program in found if program is not None))
