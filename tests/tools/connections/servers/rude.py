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


def called(request: dict[str, Any]) -> None:
    """Take a call."""
    wanted = request["params"]["arguments"].get("do", NAME)
    match wanted:
        case "noise":
            send('starting\n{"level": "info"}\n\n[1, 2]\n')
            answer(request, text("fine"))
        case "broken":
            send(f'{{"jsonrpc": "2.0", "id": {request["id"]}, "result": {{"content": [}}\n')
        case "nameless":
            send('{"jsonrpc": "2.0", "result": \n')
        case "endless":
            send(f'{{"jsonrpc": "2.0", "id": {request["id"]}, "result": "')
            while True:
                send("x" * 1_000_000)
        case "unending":
            while True:
                send("x" * 1_000_000)
        case "surrogate":
            send(
                f'{{"jsonrpc": "2.0", "id": {request["id"]}, "result": {json.dumps(text("half SUR pair"))}}}\n'.replace(
                    "SUR", "\\ud800"
                )
            )
        case "child":
            child = subprocess.Popen(["sleep", "600"])
            answer(request, text(str(child.pid)))
        case "closed":
            os.close(1)
            time.sleep(600)
        case "silent":
            pass
        case "loud":
            sys.stderr.write("e" * 300_000 + " the end\n")
            sys.stderr.flush()
            os._exit(9)
        case _:
            answer(request, text("fine"))


def main() -> None:
    """Read requests until stdin ends."""
    if NAME == "mute":
        time.sleep(600)
    for line in sys.stdin:
        request = json.loads(line)
        match request.get("method"):
            case "initialize":
                version = request["params"]["protocolVersion"]
                greeting = {
                    "protocolVersion": version,
                    "capabilities": {"tools": {}},
                    "serverInfo": {"name": "rude", "version": "0"},
                }
                answer(request, greeting)
            case "tools/list":
                answer(request, {"tools": [TOOL]})
            case "tools/call":
                called(request)
            case _ if "id" in request:
                error = {"code": -32601, "message": "no such method"}
                send(json.dumps({"jsonrpc": "2.0", "id": request["id"], "error": error}) + "\n")
            case _:
                pass
    if NAME == "stubborn":
        time.sleep(600)


if __name__ == "__main__":
    main()
