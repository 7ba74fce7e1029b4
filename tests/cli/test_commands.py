"""The command against a real server in a process of its own."""

import secrets

import httpx

from tests.cli.command import Cli

THREE = "Write about rain. Write about snow. Then compare them."


async def held(cli: Cli, provider: httpx.AsyncClient) -> str:
    """Submit a request whose first step does not end by itself."""
    model = f"cli-{secrets.token_hex(4)}"
    rule = {"match": {"model": model, "task": "step", "step_id": "s1"}, "fault": {"hang": True}}
    await provider.post("/__sim/faults", json=[rule])
    request_id = await cli.submit(THREE, "--model", model)
    await cli.until(request_id, "step.started")
    return request_id


async def test_first_request_shows_plan_answer_cost_and_where_to_go(cli: Cli) -> None:
    ran = await cli("first-request", "--message", THREE)
    assert ran.code == 0, ran.err
    for expected in (
        "plan version 1: 3 steps",
        "s1: running",
        "s3: succeeded - Compare them",
        "Answer (simulated answer: made by rules, not by a model)",
        "Cost $0.000",
        f"{cli.api}/docs",
        "curl -s",
        f"temporal workflow query --address {cli.temporal_address} --type status --workflow-id req_",
        "--name amend",
        "--name cancel",
    ):
        assert expected in ran.out, expected


async def test_request_can_be_watched_again_from_its_start(cli: Cli) -> None:
    request_id = await cli.submit(THREE, "--conversation", "c1", "--user", "ada", "--priority", "2")
    first, again = await cli("watch", request_id), await cli("watch", request_id)
    assert (first.code, again.code) == (0, 0)
    assert "s3: succeeded" in again.out
    shown = await cli("show", request_id, "--json")
    assert '"user_id": "ada"' in shown.out


async def test_same_key_is_the_same_request(cli: Cli) -> None:
    key = secrets.token_hex(8)
    assert await cli.submit("Hello", "--key", key) == await cli.submit("Hello", "--key", key)


async def test_running_plan_is_amended_paused_and_cancelled(cli: Cli, provider: httpx.AsyncClient) -> None:
    request_id = await held(cli, provider)
    edit = '{"op": "add", "step": {"id": "title", "prompt": "Find a title"}}'
    amended = await cli("amend", request_id, "--edit", edit, "--reason", "it wants a title")
    assert "the plan has version 2 now" in amended.out, amended.err
    stale = await cli("amend", request_id, "--edit", edit, "--expected-version", "1")
    assert (stale.code, "stale_version" in stale.err) == (1, True)
    assert "(paused)" in (await cli("pause", request_id)).out
    assert "title" in (await cli("plan", request_id)).out
    assert "(paused)" not in (await cli("resume", request_id)).out
    assert (await cli("cancel-step", request_id, "s3")).code == 0
    assert (await cli("cancel", request_id, "--reason", "enough")).code == 0
    watched = await cli("watch", request_id)
    assert watched.code == 1
    assert "cancelled: enough" in watched.out
    assert (await cli("pause", request_id)).code == 1


async def test_plan_is_approved(cli: Cli) -> None:
    request_id = await cli.submit(THREE, "--approval", "plan")
    await cli.until(request_id, "approval.asked")
    assert "approval a_plan_1" in (await cli("show", request_id)).out
    assert (await cli("approve", request_id, "a_plan_1")).code == 0
    assert (await cli("watch", request_id)).code == 0


async def test_request_is_forked_listed_and_its_costs_shown(cli: Cli) -> None:
    request_id = await cli.submit(THREE)
    assert (await cli("watch", request_id)).code == 0
    forked = await cli("fork", request_id, "s3", "--edit", '{"op": "set_prompt", "step_id": "s3", "prompt": "Sum up"}')
    assert "kept      s1, s2" in forked.out, forked.err
    fork_id = forked.out.split()[0]
    assert (await cli("watch", fork_id)).code == 0
    assert fork_id in (await cli("list", "--limit", "5")).out
    assert "@synthesize" in (await cli("costs", request_id)).out


async def test_errors_say_what_to_do(cli: Cli) -> None:
    nobody = await Cli("http://127.0.0.1:1")("first-request")
    assert nobody.code == 3
    assert "make run" in nobody.err
    unknown = await cli("watch", f"req_{'0' * 32}")
    assert (unknown.code, "not_found" in unknown.err) == (1, True)
    bad = await cli("request", "hello", "--priority", "9", "--no-wait")
    assert (bad.code, "/options/priority" in bad.err) == (1, True)
    assert (await cli("amend", "req_1", "--edit", "{", "--expected-version", "1")).code == 2
    assert (await cli("explode")).code == 2
