"""The reference servers: the environments that `make reference-servers` makes, and the file that names them."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from runtime.local.tool_environments import FOLDER
from tests.workflows.product import Json

PYTHON = ("mcp-server-time", "mcp-server-fetch", "mcp-server-git")
NODE = ("mcp-server-everything", "mcp-server-filesystem")
SECRET = "not-for-any-model-7f3a91"
PAGE = "<html><head><title>Tides</title></head><body><h1>Tides</h1><p>High water at noon.</p></body></html>"
TRUSTED = {"longhaul": {"trusted": True}}


def node_is_here() -> bool:
    """Whether servers written for Node can be installed and run at all."""
    return shutil.which("node") is not None and shutil.which("npm") is not None


def check_installed(root: Path, *, node: bool) -> None:
    """Fail with what to do when a server is not installed.

    Args:
        root: The project's folder.
        node: Whether the servers written for Node must be there, too.
    """
    wanted = [root / FOLDER / "reference/bin" / name for name in PYTHON]
    if node:
        wanted += [root / FOLDER / "node/node_modules/.bin" / name for name in NODE]
    missing = [path.name for path in wanted if not path.exists()]
    if missing:
        pytest.fail(f"{', '.join(missing)} not installed: run `make reference-servers`", pytrace=False)


def entries(files: Path, repository: Path, *, node: bool) -> Json:
    """Return the file's servers; `guarded` is one that nobody has declared trusted."""
    servers: Json = {
        "time": {"command": "mcp-server-time", "args": ["--local-timezone", "UTC"], **TRUSTED},
        "guarded": {"command": "mcp-server-time"},
        "fetch": {"command": "mcp-server-fetch", "args": ["--ignore-robots-txt", "--allow-private-ips"], **TRUSTED},
        "git": {"command": "mcp-server-git", "args": ["--repository", str(repository)], **TRUSTED},
    }
    if node:
        servers["everything"] = {
            "command": "mcp-server-everything",
            "args": ["stdio"],
            "env": {"DEMO_TOKEN": SECRET},
            **TRUSTED,
        }
        servers["files"] = {"command": "mcp-server-filesystem", "args": [str(files)], **TRUSTED}
    return servers


def new_repository(folder: Path) -> Path:
    """Make a git repository with one commit."""
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "config", "user.name", "Ada")
    git(folder, "config", "user.email", "ada@example.org")
    git(folder, "config", "commit.gpgsign", "false")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "Begin")
    return folder


def git(repository: Path, *arguments: str) -> str:
    """Run git; return what it prints."""
    done = subprocess.run(
        ["git", "-C", str(repository), *arguments],  # noqa: S607  the git on the path is the one the server finds
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


class Site:
    """A page on loopback; `seen` are the paths that were asked for."""

    def __init__(self, server: ThreadingHTTPServer, seen: list[str]) -> None:
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        self.seen = seen


@contextmanager
def page() -> Iterator[Site]:
    """Serve the page at every path."""
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.path)
            body = PAGE.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base's name
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield Site(server, seen)
    finally:
        server.shutdown()
        thread.join(timeout=5)
        server.server_close()
