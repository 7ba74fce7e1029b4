"""A system user for a server that refuses to run as root, able to reach its files and nothing more."""

import contextlib
import os
import pwd
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Final

from runtime.local.errors import LocalError

NAME: Final = "longhaul-pg"
FALLBACK: Final = "nobody"


def for_root() -> str | None:
    """The user to run as: None unless we are root. Made on first use where the system has `useradd`."""
    if os.geteuid() != 0:
        return None
    if _exists(NAME):
        return NAME
    useradd = shutil.which("useradd")
    if useradd is None:
        return FALLBACK
    made = subprocess.run(
        [useradd, "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", NAME],
        check=False,
        capture_output=True,
    )
    return NAME if made.returncode == 0 or _exists(NAME) else FALLBACK


def private_folder(folder: Path, user: str | None) -> None:
    """Make a folder for one user alone; None is the user we are.

    Raises:
        LocalError: There is something else by that name. Who can write there could pose as the database, and a link
            could make us give a foreign folder away.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    owner, group = (os.geteuid(), -1) if user is None else pwd.getpwnam(user)[2:4]
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        os.chown(folder, owner, group)
    info = folder.lstat()
    if not stat.S_ISDIR(info.st_mode) or info.st_uid != owner or info.st_mode & 0o077:
        raise LocalError(f"{folder} is not a private folder of ours: remove it, or set LONGHAUL_STATE_DIR to another")


def let_pass(path: Path) -> None:
    """Let other users pass through the folders above a path (not list them)."""
    for folder in path.absolute().parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)


def let_read(folder: Path) -> None:
    """Let other users read and run what is in a folder, as an installer with a strict umask may not have."""
    for path in (folder, *folder.rglob("*")):
        mode = path.stat().st_mode
        extra = stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0)
        if mode & extra != extra:
            path.chmod(mode | extra)


def _exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True
