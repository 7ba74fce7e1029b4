"""Whole requests that act through servers which nobody here wrote, known from an mcpServers file and not otherwise."""

import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from runtime.settings import PROJECT_ROOT, Settings
from tests.integration.reference import SECRET, Site, check_installed, entries, git, new_repository, node_is_here, page
from tests.integration.served import offered, results, serving_file, step, told
from tests.workflows.product import Json, Product, eventually
from tests.workflows.running import settings_of
from tests.workflows.test_tool_steps import TWO_PARTS, approval_of, decide
from tests.workflows.tool_server import as_json, plan

ANSWERED = ("tool.called", "tool.progress", "tool.finished")


@dataclass(frozen=True)
class World:
    """What the servers work on, and the product that knows them."""

    product: Product
    files: Path
    repository: Path


@pytest_asyncio.fixture(scope="module")
async def world(
    settings: Settings,
    own_database: str,
    temporal_address: str,
    simulator: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[World]:
    has_node = node_is_here()
    check_installed(PROJECT_ROOT, node=has_node)
    folder = tmp_path_factory.mktemp("reference")
    files, repository = folder / "files", new_repository(folder / "repository")
    files.mkdir()
    chosen = settings_of(settings, own_database, temporal_address, simulator)
    async with serving_file(chosen, folder, entries(files, repository, node=has_node)) as product:
        yield World(product, files, repository)


@pytest_asyncio.fixture
async def product(world: World) -> Product:
    """The product, with a model name of the test's own."""
    return await world.product.with_own_model(f"longhaul-sim-{secrets.token_hex(4)}")


@pytest.fixture
def node() -> None:
    if not node_is_here():
        pytest.skip("no node and npm on the path: the servers written for Node cannot run")


@pytest.fixture
def site() -> Iterator[Site]:
    with page() as served:
        yield served


async def test_every_server_of_the_file_is_known_with_what_it_may_do(product: Product) -> None:
    assert {name: tool["effect"] for name, tool in (await offered(product, "time")).items()} == {
        "convert_time": "read",
        "get_current_time": "read",
    }
    of_git = await offered(product, "git")
    assert (of_git["git_log"]["effect"], of_git["git_commit"]["effect"]) == ("read", "write")
    assert of_git["git_reset"]["effect"] == "destructive"
    assert {tool["effect"] for tool in (await offered(product, "guarded")).values()} == {"write"}


async def test_the_time_is_told_at_once_and_its_parts_go_into_the_next_call(product: Product) -> None:
    there = {"source_timezone": "UTC", "time": "12:30", "target_timezone": "Asia/Ho_Chi_Minh"}
    hour = "{{steps.s1.result.target.timezone}}"
    await plan(
        product,
        step("time", "convert_time", parameters=there),
        step("time", "get_current_time", "s2", parameters={"timezone": hour}, depends_on=["s1"]),
    )
    request_id = await product.submit(TWO_PARTS)
    assert (await product.ended(request_id))["phase"] == "done"
    seen = await results(product, request_id)
    assert as_json(seen["s1"])["target"]["datetime"].endswith("T19:30:00+07:00")
    assert as_json(seen["s2"])["timezone"] == "Asia/Ho_Chi_Minh"
    assert await told(product, request_id, "approval.asked") == []


async def test_a_server_that_nobody_trusts_is_asked_about_even_for_what_it_calls_a_read(product: Product) -> None:
    await plan(product, step("guarded", "get_current_time", parameters={"timezone": "UTC"}))
    request_id = await product.submit(TWO_PARTS)
    approval = await approval_of(product, request_id)
    assert (approval["effect"], approval["arguments"]) == ("write", {"timezone": "UTC"})
    await decide(product, request_id, approval)
    ended = await product.ended(request_id)
    assert as_json(ended["answer"])["timezone"] == "UTC"


async def test_a_server_whose_process_was_killed_is_started_again(product: Product) -> None:
    (process,) = (child for child in psutil.Process().children(recursive=True) if "--local-timezone" in child.cmdline())
    process.kill()
    await plan(product, step("time", "get_current_time", parameters={"timezone": "UTC"}))
    ended = await product.ask(TWO_PARTS)
    assert as_json(ended["answer"])["timezone"] == "UTC"


async def test_an_unknown_time_zone_is_a_plain_failure_of_its_step(product: Product) -> None:
    await plan(product, step("time", "get_current_time", parameters={"timezone": "Mars/Base"}, max_retries=0))
    ended = await product.ask(TWO_PARTS)
    assert "Mars/Base" in told_as_not_done(ended)


async def test_a_page_is_fetched_once_and_its_text_is_the_result(product: Product, site: Site) -> None:
    await plan(product, step("fetch", "fetch", parameters={"url": f"{site.url}/tides"}))
    ended = await product.ask(TWO_PARTS)
    assert ended["phase"] == "done", ended
    assert "High water at noon." in ended["answer"]
    assert site.seen == ["/tides"]


async def test_a_prompt_of_the_fetch_server_is_a_read(product: Product, site: Site) -> None:
    await plan(product, step("fetch", "fetch", type="prompt", parameters={"url": site.url}))
    ended = await product.ask(TWO_PARTS)
    assert "High water at noon." in ended["answer"]


async def test_a_commit_waits_for_its_approval_and_is_made_once(world: World, product: Product) -> None:
    repository = str(world.repository)
    (world.repository / "tides.txt").write_text("high water at noon\n", encoding="utf-8")
    commit = {"repo_path": repository, "message": "Note the tides"}
    await plan(
        product,
        step("git", "git_status", parameters={"repo_path": repository}),
        step("git", "git_add", "s2", parameters={"repo_path": repository, "files": ["tides.txt"]}, depends_on=["s1"]),
        step("git", "git_commit", "s3", parameters=commit, depends_on=["s2"]),
    )
    request_id = await product.submit(TWO_PARTS)
    adding = await approval_of(product, request_id)
    assert adding["arguments"] == {"repo_path": repository, "files": ["tides.txt"]}
    assert git(world.repository, "status", "--short") == "?? tides.txt"
    await decide(product, request_id, adding)
    committing = await next_approval(product, request_id, adding)
    assert committing["arguments"] == commit
    assert git(world.repository, "log", "--format=%s") == "Begin"
    await decide(product, request_id, committing)
    assert (await product.ended(request_id))["phase"] == "done"
    assert git(world.repository, "log", "--format=%s").splitlines() == ["Note the tides", "Begin"]
    assert "tides.txt" in (await results(product, request_id))["s1"]


async def test_a_denied_commit_leaves_the_repository_as_it_is(world: World, product: Product) -> None:
    before = git(world.repository, "rev-parse", "HEAD")
    commit = {"repo_path": str(world.repository), "message": "Nobody wants this"}
    await plan(product, step("git", "git_commit", parameters=commit))
    request_id = await product.submit(TWO_PARTS)
    await decide(product, request_id, await approval_of(product, request_id), "deny")
    assert (await product.ended(request_id))["phase"] == "failed"
    assert git(world.repository, "rev-parse", "HEAD") == before


async def test_a_commit_with_nothing_to_commit_fails_by_the_servers_own_words(world: World, product: Product) -> None:
    commit = {"repo_path": str(world.repository), "message": "Nothing"}
    await plan(product, step("git", "git_commit", parameters=commit))
    before = git(world.repository, "rev-parse", "HEAD")
    ended = await product.ask(TWO_PARTS, tool_approval="none")
    assert "No changes staged for commit" in told_as_not_done(ended)
    assert git(world.repository, "rev-parse", "HEAD") == before


@pytest.mark.usefixtures("node")
async def test_a_file_is_written_with_what_was_approved_and_read_again(world: World, product: Product) -> None:
    (world.files / "source.txt").write_text("high water at noon", encoding="utf-8")
    target = world.files / "copy.txt"
    await plan(
        product,
        step("files", "read_text_file", parameters={"path": str(world.files / "source.txt")}),
        step(
            "files",
            "write_file",
            "s2",
            parameters={"path": str(target), "content": "Copied: {{steps.s1.result.content}}"},
            depends_on=["s1"],
        ),
        step("files", "read_text_file", "s3", parameters={"path": str(target)}, depends_on=["s2"]),
    )
    request_id = await product.submit(TWO_PARTS)
    approval = await approval_of(product, request_id)
    assert approval["arguments"] == {"path": str(target), "content": "Copied: high water at noon"}
    assert approval["effect"] == "destructive"
    assert not target.exists()
    await decide(product, request_id, approval)
    assert (await product.ended(request_id))["phase"] == "done"
    assert target.read_text(encoding="utf-8") == "Copied: high water at noon"
    assert "Copied: high water" in (await results(product, request_id))["s3"]


@pytest.mark.usefixtures("node")
async def test_a_denied_file_is_not_there(world: World, product: Product) -> None:
    target = world.files / "denied.txt"
    await plan(product, step("files", "write_file", parameters={"path": str(target), "content": "no"}))
    request_id = await product.submit(TWO_PARTS)
    await decide(product, request_id, await approval_of(product, request_id), "deny")
    assert (await product.ended(request_id))["phase"] == "failed"
    assert not target.exists()


@pytest.mark.usefixtures("node")
async def test_a_file_outside_the_servers_folder_is_refused_in_its_own_words(world: World, product: Product) -> None:
    outside = world.files.parent / "outside.txt"
    await plan(product, step("files", "write_file", parameters={"path": str(outside), "content": "no"}))
    ended = await product.ask(TWO_PARTS, tool_approval="none")
    assert "outside allowed directories" in told_as_not_done(ended)
    assert not outside.exists()


@pytest.mark.usefixtures("node")
async def test_progress_of_a_long_call_is_told_as_events(product: Product) -> None:
    long = {"duration": 3, "steps": 3}
    await plan(product, step("everything", "trigger-long-running-operation", parameters=long))
    request_id = await product.submit(TWO_PARTS)
    assert (await product.ended(request_id))["phase"] == "done"
    events = await told(product, request_id, *ANSWERED)
    assert (events[0][0], events[-1][0]) == ("tool.called", "tool.finished")
    progress = [(data["progress"], data["total"]) for kind, data in events if kind == "tool.progress"]
    assert len(progress) > 1, "one event a second at most, and the call takes three"
    assert progress == sorted(progress)
    assert {total for _, total in progress} == {3}


@pytest.mark.usefixtures("node")
async def test_an_image_is_noted_and_not_kept(product: Product) -> None:
    await plan(product, step("everything", "get-tiny-image"))
    ended = await product.ask(TWO_PARTS)
    assert "[image image/png, " in ended["answer"]
    assert "iVBOR" not in ended["answer"]


@pytest.mark.usefixtures("node")
async def test_structured_content_is_the_result_and_goes_on_with_its_types(product: Product) -> None:
    warmer = {"a": "{{steps.s1.result.temperature}}", "b": 1}
    await plan(
        product,
        step("everything", "get-structured-content", parameters={"location": "Chicago"}),
        step("everything", "get-sum", "s2", parameters=warmer, depends_on=["s1"]),
    )
    request_id = await product.submit(TWO_PARTS)
    assert (await product.ended(request_id))["phase"] == "done"
    seen = await results(product, request_id)
    weather = as_json(seen["s1"])
    assert set(weather) == {"temperature", "conditions", "humidity"}
    assert str(weather["temperature"] + 1) in seen["s2"]


@pytest.mark.usefixtures("node")
async def test_resources_and_prompts_are_read_without_an_approval(product: Product) -> None:
    static, dynamic = "demo://resource/static/document/features.md", "demo://resource/dynamic/text/{resourceId}"
    await plan(
        product,
        step("everything", static, type="resource"),
        step("everything", dynamic, "s2", type="resource", parameters={"resourceId": "7"}),
        step("everything", "args-prompt", "s3", type="prompt", parameters={"city": "Hanoi"}),
    )
    request_id = await product.submit(TWO_PARTS)
    assert (await product.ended(request_id))["phase"] == "done"
    seen = await results(product, request_id)
    assert "Everything Server" in seen["s1"]
    assert "Resource 7" in seen["s2"]
    assert "weather in Hanoi" in seen["s3"]
    assert await told(product, request_id, "approval.asked") == []


@pytest.mark.usefixtures("node")
async def test_a_resource_of_a_template_is_read_by_its_own_uri(product: Product) -> None:
    await plan(product, step("everything", "demo://resource/dynamic/text/7", type="resource"))
    ended = await product.ask(TWO_PARTS)
    assert "Resource 7" in ended["answer"]
    assert ended["outcome"]["partial"] is False


@pytest.mark.usefixtures("node")
async def test_a_server_sees_nothing_of_our_environment_and_its_own_secret_goes_no_further(product: Product) -> None:
    await plan(product, step("everything", "get-env"))
    ended = await product.ask(TWO_PARTS)
    seen = as_json(ended["answer"])
    assert set(seen) <= {"PATH", "HOME", "LANG", "TMPDIR", "PYTHONHASHSEED", "DEMO_TOKEN"}
    assert SECRET not in ended["answer"]


@pytest.mark.usefixtures("node")
async def test_a_tool_that_wants_another_protocol_is_not_offered_and_the_server_says_why(product: Product) -> None:
    """`simulate-research-query` runs as a task of the protocol only, which nobody here speaks."""
    await product.fault(
        {"answer_json": {"steps": [step("everything", "simulate-research-query", parameters={"topic": "tides"})]}},
        task="plan",
        times=3,
    )
    ended = await product.ask(TWO_PARTS, tool_approval="none")
    assert ended["outcome"]["reason"] == "plan_refused"
    server = (await product.api.get("/v1/tool-servers/everything")).json()
    assert any("simulate-research-query" in refused and "task" in refused for refused in server["state"]["refused"])


@pytest.mark.usefixtures("node")
async def test_all_servers_work_in_one_plan_side_by_side(world: World, product: Product, site: Site) -> None:
    target = world.files / "together.txt"
    steps = [
        step("everything", "trigger-long-running-operation", "long", parameters={"duration": 3, "steps": 3}),
        step("time", "get_current_time", "clock", parameters={"timezone": "UTC"}),
        step("fetch", "fetch", "page", parameters={"url": site.url}),
        step("git", "git_log", "log", parameters={"repo_path": str(world.repository)}),
        step("files", "list_directory", "list", parameters={"path": str(world.files)}),
        step(
            "files",
            "write_file",
            "write",
            parameters={"path": str(target), "content": "{{steps.clock.result.timezone}} {{steps.page.result}}"},
            depends_on=["clock", "page", "log", "list", "long"],
        ),
    ]
    await plan(product, *steps)
    request_id = await product.submit(TWO_PARTS)
    await decide(product, request_id, await approval_of(product, request_id))
    assert (await product.ended(request_id))["phase"] == "done"
    text = target.read_text(encoding="utf-8")
    assert text.startswith("UTC ")
    assert "High water at noon." in text
    events = await told(product, request_id, "tool.called", "tool.finished")
    until_long = [data["step_id"] for kind, data in events[: _end_of(events, "long")] if kind == "tool.called"]
    assert sorted(until_long) == ["clock", "list", "log", "long", "page"]


def test_a_missing_environment_is_told_with_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(pytest.fail.Exception, match="run `make reference-servers`"):
        check_installed(tmp_path, node=True)


def told_as_not_done(ended: Json) -> str:
    """Return the answer of a request whose only tool step failed: the new plan says so, and so does the answer."""
    assert (ended["phase"], ended["outcome"]["partial"]) == ("done", True), ended
    answer: str = ended["answer"]
    assert "Not done: s1" in answer
    return answer


def _end_of(events: list[tuple[str, Json]], step_id: str) -> int:
    """Return where the events tell that a step's call has been answered."""
    return next(at for at, (kind, data) in enumerate(events) if (kind, data["step_id"]) == ("tool.finished", step_id))


async def next_approval(product: Product, request_id: str, decided: Json) -> Json:
    """Wait until another call than the decided one waits for a decision."""

    async def look() -> Json | None:
        seen = await product.get(request_id)
        assert seen["phase"] not in ("done", "failed", "cancelled"), seen["outcome"]
        return next((one for one in seen["approvals"] if one["id"] != decided["id"]), None)

    found: Json = await eventually(look)
    return found
