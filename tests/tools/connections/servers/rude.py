"""A stdio server that speaks the protocol by hand, and misbehaves as its argument says."""

import json
import os
import subprocess
import sys
import time
from typing import Any

NAME = sys.argv[1]
TOOL = {"name": "act", "inputSchema": {"type": "object"}}


def send(text: str) -> None:
    """Write raw text."""
    sys.stdout.write(text)
    sys.stdout.flush()


def answer(request: dict[str, Any], result: dict[str, Any]) -> None:
    """Answer as the protocol says."""
    send(json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": result}) + "\n")


def text(said: str) -> dict[str, Any]:
    """Return a tool's result."""
    return {"content": [{"type": "text", "text": said}]}


def noise(request: dict[str, Any]) -> None:
    """Print what is no message, then answer."""
    send('starting\n{"level": "info"}\n\n[1, 2]\n')
    answer(request, text("fine"))


def broken(request: dict[str, Any]) -> None:
    """Answer with what is no JSON."""
    send(f'{{"jsonrpc": "2.0", "id": {request["id"]}, "result": {{"content": [}}\n')


def nameless(_: dict[str, Any]) -> None:
    """The same, and do not say whom it answers."""
    send('{"jsonrpc": "2.0", "result": \n')


def endless(request: dict[str, Any]) -> None:
    """Answer with a line that does not end."""
    send(f'{{"jsonrpc": "2.0", "id": {request["id"]}, "result": "')
    unending(request)


def unending(_: dict[str, Any]) -> None:
    """The same, and do not say whom it answers."""
    while True:
        send("x" * 1_000_000)


def surrogate(request: dict[str, Any]) -> None:
    """Answer with half of a surrogate pair."""
    line = json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": text("half HERE pair")})
    send(line.replace("HERE", "\\ud800") + "\n")


def child(request: dict[str, Any]) -> None:
    """Start a process that outlives this one, and tell its id."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    answer(request, text(str(process.pid)))


def closed(_: dict[str, Any]) -> None:
    """Close stdout and stay."""
    os.close(1)
    time.sleep(600)


def silent(_: dict[str, Any]) -> None:
    """Do not answer."""


def loud(_: dict[str, Any]) -> None:
    """Say much on stderr and end."""
    sys.stderr.write("e" * 300_000 + " the end\n")
    sys.stderr.flush()
    os._exit(9)


def polite(request: dict[str, Any]) -> None:
    """Answer."""
    answer(request, text("fine"))


DEEDS = {
    deed.__name__: deed for deed in (noise, broken, nameless, endless, unending, surrogate, child, closed, silent, loud)
}


def main() -> None:
    """Read requests until stdin ends."""
    if NAME == "mute":
        time.sleep(600)
    for line in sys.stdin:
        request = json.loads(line)
        match request.get("method"):
            case "initialize":
                version = request["params"]["protocolVersion"]
                greeting: dict[str, Any] = {
                    "protocolVersion": version,
                    "capabilities": {"tools": {}},
                    "serverInfo": {"name": "rude", "version": "0"},
                }
                answer(request, greeting)
            case "tools/list":
                answer(request, {"tools": [TOOL]})
            case "tools/call":
                DEEDS.get(request["params"]["arguments"].get("do", NAME), polite)(request)
            case _ if "id" in request:
                error = {"code": -32601, "message": "no such method"}
                send(json.dumps({"jsonrpc": "2.0", "id": request["id"], "error": error}) + "\n")
            case _:
                pass
    if NAME == "stubborn":
        time.sleep(600)


if __name__ == "__main__":
    main()
