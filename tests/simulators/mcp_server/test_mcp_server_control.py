import asyncio
import json
import sys
from pathlib import Path

import httpx
import pytest

from simulators.mcp_server.behaviours import BEHAVIOURS
from simulators.mcp_server.http_server import McpHttpServer
from simulators.mcp_server.labels import with_label
from simulators.mcp_server.script import Script, read_script
from simulators.model_provider.json_value import JsonObject
from tests.house.source import ROOT
from tests.simulators.mcp_server.raw import request, write_note


def test_there_are_many_behaviours_and_each_says_what_it_does() -> None:
    assert len(BEHAVIOURS) > 150
    assert [one.name for one in BEHAVIOURS.values() if not one.promise.endswith(".")] == []


@pytest.mark.parametrize("label", ["nothing", "http_401@lunch", "banner@call", "honest+loud"])
def test_an_unknown_label_is_refused(label: str) -> None:
    with pytest.raises(ValueError, match=r"named|show"):
        with_label(Script(), label)


@pytest.mark.parametrize("text", ["[]", '{"volume": 11}', "{"])
def test_a_wrong_script_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "script.json").write_text(text)
    with pytest.raises(ValueError, match=r".+"):
        read_script(tmp_path / "script.json")


async def test_a_behaviour_is_switched_at_run_time(mcp_server: McpHttpServer) -> None:
    async with httpx.AsyncClient(base_url=f"{mcp_server.address}/as/honest/switched/", trust_env=False) as http:
        assert (await http.post("mcp", json=write_note())).json()["result"]["structuredContent"]["id"] == 1
        assert (await http.put("__sim/behaviour", json={"behaviour": "http_503"})).is_success
        assert (await http.post("mcp", json=write_note())).status_code == 503
        assert (await http.put("__sim/behaviour", json={"behaviour": "nothing"})).status_code == 400
        assert (await http.get("__sim/behaviour")).json() == {"behaviour": "http_503"}
        assert (await http.put("__sim/behaviour", json={"behaviour": None})).is_success
        assert (await http.post("mcp", json=request("call"))).is_success
        assert len((await http.get("__sim/writes")).json()["writes"]) == 1
        assert len((await http.get("__sim/calls")).json()["calls"]) == 3
        assert (await http.delete("__sim/calls")).status_code == 204
        assert (await http.get("__sim/calls")).json()["calls"] == []
        assert len((await http.get("__sim/behaviours")).json()["behaviours"]) == len(BEHAVIOURS)


async def test_unexpected_addresses_are_counted(mcp_server: McpHttpServer) -> None:
    async with httpx.AsyncClient(base_url=f"{mcp_server.address}/as/honest/traps/", trust_env=False) as http:
        await http.get("schema.json")
        fetched = (await http.get("__sim/fetches")).json()["fetches"]
    assert [fetch["path"] for fetch in fetched] == ["/as/honest/traps/schema.json"]


async def test_the_command_serves_a_script_over_http(tmp_path: Path) -> None:
    script: JsonObject = {
        "bearer": "letmein",
        "tools": [{"name": "own", "inputSchema": {"type": "object"}, "writes": True, "answer": {"content": []}}],
    }
    (tmp_path / "script.json").write_text(json.dumps(script))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulators.mcp_server", "--port", "0", "--script", str(tmp_path / "script.json"),
        "--log", str(tmp_path / "log.jsonl"), cwd=ROOT, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    url = (await process.stdout.readline()).decode().strip()
    async with httpx.AsyncClient(trust_env=False) as http:
        assert (await http.post(url, json=request("list"))).status_code == 401
        http.headers["authorization"] = "Bearer letmein"
        listed = (await http.post(url, json=request("list"))).json()["result"]["tools"][-1]
        call = request("call") | {"params": {"name": "own", "arguments": {"x": 1}}}
        assert (await http.post(url, json=call)).json()["result"] == {"content": []}
    process.terminate()
    assert await process.wait() == 0
    assert listed == {"name": "own", "inputSchema": {"type": "object"}}
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["tool"] for line in log if line["event"] == "write"] == ["own"]


async def test_the_command_lists_the_behaviours_and_refuses_unknown_ones() -> None:
    for arguments, status in ((["--list"], 0), (["--stdio", "--behaviour", "nothing"], 1)):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "simulators.mcp_server", *arguments, cwd=ROOT,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, error = await process.communicate()
        assert process.returncode == status
        assert out.count(b"\n") == (len(BEHAVIOURS) if status == 0 else 0)
        assert bool(error) is (status != 0)
