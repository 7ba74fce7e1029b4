"""No committed file names a package registry's host or somebody's home folder; nobody else has the same ones.

The hosts are not written down here either: they are read from the settings and defaults of pip, npm and go, as far as
those are installed.
"""

import importlib
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.house.source import ROOT, files

HOME = re.compile(r"(?<![\w/.}*:-])/(?:home|Users|root)/\w")
SETTINGS = (
    [sys.executable, "-m", "pip", "--disable-pip-version-check", "config", "list"],
    ["npm", "config", "get", "registry"],
    ["go", "env", "GOPROXY", "GOSUMDB"],
)
_URL = re.compile(r"[a-z]+://[^\s'\",|]+")


def named_hosts(name: str, text: str, hosts: Iterable[str]) -> Iterator[str]:
    """Yield the lines that name one of the hosts; the finding does not repeat it."""
    alternatives = "|".join(re.escape(host) for host in sorted(hosts))
    found = re.compile(rf"(?<![\w-])(?:{alternatives})(?![\w-])", re.IGNORECASE)
    for match in found.finditer(text) if alternatives else ():
        yield f"{name}:{_line(text, match)}: names a package registry"


def home_folders(name: str, text: str, own: Iterable[str] = ()) -> Iterator[str]:
    """Yield the lines with an absolute path into a home folder, or into one of our `own` folders."""
    for match in HOME.finditer(text):
        yield f"{name}:{_line(text, match)}: names a home folder"
    for folder in own:
        for match in re.finditer(rf"{re.escape(folder)}(?![\w-])", text):
            yield f"{name}:{_line(text, match)}: names a folder of this machine"


def hosts_in(text: str) -> set[str]:
    """Return the hosts of the URLs in a text that other machines may have too: with a dot, and not of loopback."""
    hosts = (urlsplit(url.group()).hostname or "" for url in _URL.finditer(text))
    return {host for host in hosts if "." in host and not _is_loopback(host)}


@cache
def registries() -> frozenset[str]:
    """Return the hosts that this machine gets packages from, and those that pip would ask by default."""
    index: Any = importlib.import_module("pip._internal.models.index")
    hosts = {index.PyPI.netloc, index.PyPI.file_storage_domain, index.TestPyPI.netloc}
    told = [_told(command) for command in SETTINGS]
    return frozenset(hosts.union(*(hosts_in(text) for text in told)))


@cache
def texts() -> tuple[tuple[str, str], ...]:
    """Return all files that are texts, with their names."""
    read = ((name, (ROOT / name).read_bytes()) for name in files())
    return tuple((name, body.decode("utf-8", errors="replace")) for name, body in read if b"\0" not in body)


def _told(command: list[str]) -> str:
    """Return what a program says of its settings; nothing if it is not there."""
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _line(text: str, match: re.Match[str]) -> int:
    return text.count("\n", 0, match.start()) + 1


def _own_folders() -> list[str]:
    """Return the folders of this machine that are long enough to be told from other words."""
    return sorted({str(folder) for folder in (ROOT, Path.home()) if len(folder.parts) > 2})


def test_no_file_names_a_registry() -> None:
    assert registries()
    assert [finding for name, text in texts() for finding in named_hosts(name, text, registries())] == []


def test_no_file_names_a_home_folder() -> None:
    own = _own_folders()
    assert [finding for name, text in texts() for finding in home_folders(name, text, own)] == []


def test_a_named_registry_is_found() -> None:
    for host in registries():
        assert list(named_hosts("lock", f'first\n"resolved": "https://{host.upper()}/x.tgz"\n', registries())) == [
            "lock:2: names a package registry"
        ]
    assert not list(named_hosts("lock", "registry.example", {"egistry.example"}))
    assert not list(named_hosts("lock", "anything", ()))


def test_hosts_are_read_from_settings() -> None:
    told = "global.index-url='https://user:word@packages.example:8443/simple'\nhttp://127.0.0.1:3141,http://mirror/x,direct"
    assert hosts_in(told) == {"packages.example"}


@pytest.mark.parametrize("folder", ["home", "Users", "root"])
def test_a_home_folder_is_found(folder: str) -> None:
    assert list(home_folders("x", f'path = "/{folder}/ada/project"'))
    assert not list(home_folders("x", f"https://example.org/{folder}/ada and ${{dir}}/{folder}/ada"))


def test_a_folder_of_this_machine_is_found() -> None:
    assert list(home_folders("x", "cd /srv/build/longhaul && make", ["/srv/build/longhaul"]))
    assert not list(home_folders("x", "cd /srv/build/longhaul-old", ["/srv/build/longhaul"]))
