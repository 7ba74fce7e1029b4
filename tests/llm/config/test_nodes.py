"""Nodes: one call registers and beats, what a node serves is in the pool at once, and it goes as it came."""

import logging

import pytest

from domain.errors import InvalidInput, NotFound
from domain.model_pool import LimitKind, Strategy
from services.llm.admin import Node
from services.llm.config import nodes
from services.llm.config.edit import Source
from services.llm.config.object_ids import TARGETS_LIMIT
from services.llm.pool.catalogue import Catalogue, Snapshot
from tests.llm.config.stage import ANNA, Stage, account, deployment, provider, route

URL = "http://127.0.0.1:11434/v1"
NODE = Node(base_url=URL, models=("llama3.2", "qwen2.5:7b"), concurrency=2)


async def seen(stage: Stage) -> Snapshot:
    catalogue = Catalogue(stage.db, stage.vault)
    await catalogue.refresh()
    return catalogue.snapshot


async def targets(stage: Stage, name: str) -> list[str]:
    found = (await seen(stage)).route(name)
    return [] if found is None else [target.deployment_id for target in found.targets]


async def is_silent(stage: Stage, node_id: str) -> bool:
    listed, _ = await stage.admin.list_nodes(None, 100)
    return {node.id: node.silent for node in listed}[node_id]


async def grow_old(stage: Stage, node_id: str, seconds: float) -> None:
    await stage.db.fetch(
        "UPDATE pool_node SET seen_at = seen_at - make_interval(secs => $2) WHERE id = $1", node_id, seconds
    )


async def test_a_registered_node_serves_its_models(stage: Stage) -> None:
    view = await stage.admin.beat(ANNA, "gpu-1", NODE)
    assert (view.id, view.account_id, view.silent) == ("gpu-1", "node-gpu-1", False)
    snapshot = await seen(stage)
    entry = snapshot.accounts["node-gpu-1"]
    assert (entry.target.base_url, entry.target.credential) == (URL, None)
    assert await stage.limits("node-gpu-1") == {(LimitKind.CONCURRENCY.value, 0, 2, False)}
    for model in NODE.models:
        found = snapshot.route(model)
        assert found is not None
        assert found.strategy is Strategy.LEAST_CONNECTIONS
        assert [snapshot.deployments[target.deployment_id].model for target in found.targets] == [model]
    assert (ANNA, "replace", "node", "gpu-1") in await stage.audit()


async def test_a_beat_changes_nothing_but_when_it_was_heard(stage: Stage) -> None:
    await stage.admin.beat(ANNA, "gpu-1", NODE)
    before = (await stage.version(), await stage.audit())
    await grow_old(stage, "gpu-1", 5)
    first = await stage.admin.list_nodes(None, 1)
    view = await stage.admin.beat(ANNA, "gpu-1", NODE)
    assert view.seen_at > first[0][0].seen_at
    assert view.registered_at == first[0][0].registered_at
    assert (await stage.version(), await stage.audit()) == before


async def test_a_silent_node_is_seen_as_such_and_comes_back_with_its_next_beat(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    await stage.admin.beat(ANNA, "gpu-1", NODE)
    assert not await is_silent(stage, "gpu-1")
    await grow_old(stage, "gpu-1", 14)
    assert not await is_silent(stage, "gpu-1")
    await grow_old(stage, "gpu-1", 2)
    assert await is_silent(stage, "gpu-1")
    assert (await stage.admin.standing()).silent_nodes == ("gpu-1",)
    with caplog.at_level(logging.INFO):
        await stage.admin.beat(ANNA, "gpu-1", NODE)
    assert not await is_silent(stage, "gpu-1")
    assert "node gpu-1 is back after 16 s" in caplog.text


async def test_nodes_of_one_model_share_its_route(stage: Stage) -> None:
    await stage.admin.beat(ANNA, "a", Node(base_url=URL, models=("m",)))
    await stage.admin.beat(ANNA, "b", Node(base_url=URL, models=("m",)))
    assert await targets(stage, "m") == ["node-a.m", "node-b.m"]
    await stage.admin.remove_node(ANNA, "a")
    assert await targets(stage, "m") == ["node-b.m"]
    await stage.admin.remove_node(ANNA, "b")
    assert await seen(stage) == Snapshot(await stage.version())


async def test_a_node_says_what_it_serves_now(stage: Stage) -> None:
    await stage.admin.beat(ANNA, "a", Node(base_url=URL, models=("m", "n")))
    before = await stage.version()
    await stage.admin.beat(ANNA, "a", Node(base_url="http://127.0.0.1:1/v1", models=("n", "o"), concurrency=7))
    assert await stage.version() == before + 1
    assert (await targets(stage, "m"), await targets(stage, "n"), await targets(stage, "o")) == (
        [],
        ["node-a.n"],
        ["node-a.o"],
    )
    snapshot = await seen(stage)
    assert snapshot.accounts["node-a"].target.base_url == "http://127.0.0.1:1/v1"
    assert await stage.limits("node-a") == {("concurrency", 0, 7, False)}


async def test_a_node_joins_the_route_of_an_admin_and_leaves_it_again(stage: Stage) -> None:
    await stage.fill()
    await stage.admin.beat(ANNA, "a", Node(base_url=URL, models=("r",)))
    assert await targets(stage, "r") == ["d", "node-a.r"]
    assert (await stage.admin.routes.read(("r", ""))).source is Source.ADMIN
    await stage.admin.remove_node(ANNA, "a")
    assert await targets(stage, "r") == ["d"]


async def test_an_admins_route_stays_when_its_last_node_goes(stage: Stage) -> None:
    await stage.admin.beat(ANNA, "a", Node(base_url=URL, models=("m",)))
    await stage.admin.routes.create(ANNA, route("mine", "node-a.m"))
    await stage.admin.remove_node(ANNA, "a")
    assert (await stage.admin.routes.read(("mine", ""))).targets == ()


async def test_what_an_admin_has_changed_of_a_node_is_theirs(stage: Stage) -> None:
    await stage.admin.beat(ANNA, "a", Node(base_url=URL, models=("m",)))
    await stage.admin.accounts.replace(ANNA, account("node-a", "node-a", weight=9), None, None)
    await stage.admin.deployments.replace(ANNA, deployment("node-a.m", "node-a", "m", timeout_s=5), None)
    await stage.admin.beat(ANNA, "a", Node(base_url=URL, models=("m", "n"), concurrency=7))
    snapshot = await seen(stage)
    assert (snapshot.accounts["node-a"].account.weight, snapshot.deployments["node-a.m"].timeout_s) == (9, 5)
    assert await stage.limits("node-a") == set()
    await stage.admin.remove_node(ANNA, "a")
    assert (await seen(stage)).accounts == {}


async def test_an_admins_other_account_keeps_a_nodes_provider(stage: Stage) -> None:
    await stage.admin.beat(ANNA, "a", Node(base_url=URL, models=("m",)))
    await stage.admin.accounts.create(ANNA, account("second", "node-a"), None)
    await stage.admin.remove_node(ANNA, "a")
    assert list((await seen(stage)).accounts) == ["second"]


async def test_a_node_whose_objects_an_admin_has_removed_can_still_go(stage: Stage) -> None:
    await stage.admin.beat(ANNA, "a", Node(base_url=URL, models=("m",)))
    await stage.admin.routes.delete(ANNA, ("m", ""), None)
    await stage.admin.deployments.delete(ANNA, "node-a.m", None)
    await stage.admin.accounts.delete(ANNA, "node-a", None)
    await stage.admin.remove_node(ANNA, "a")
    with pytest.raises(NotFound):
        await stage.admin.remove_node(ANNA, "a")


@pytest.mark.parametrize("url", ["http://169.254.169.254/v1", "http://10.1.2.3/v1", "http://host/?x=1"])
async def test_a_nodes_address_passes_the_same_rules(stage: Stage, url: str) -> None:
    with pytest.raises(InvalidInput) as error:
        await stage.admin.beat(ANNA, "a", Node(base_url=url, models=("m",)))
    assert [problem.path for problem in error.value.problems] == ["/base_url"]
    assert await stage.admin.list_nodes(None, 10) == ([], None)


async def test_a_private_network_may_be_allowed(stage: Stage) -> None:
    await stage.admin.beat(ANNA, "a", Node(base_url="http://10.1.2.3/v1", models=("m",), allow_private=True))
    assert (await seen(stage)).accounts["node-a"].provider.allow_private


async def test_a_full_route_takes_no_more(stage: Stage) -> None:
    await stage.admin.providers.create(ANNA, provider())
    await stage.admin.accounts.create(ANNA, account(), None)
    ids = [f"d{n}" for n in range(TARGETS_LIMIT)]
    for id_ in ids:
        await stage.admin.deployments.create(ANNA, deployment(id_))
    await stage.admin.routes.create(ANNA, route("m", *ids))
    with pytest.raises(InvalidInput) as error:
        await stage.admin.beat(ANNA, "a", Node(base_url=URL, models=("m",)))
    assert [(problem.code, problem.path) for problem in error.value.problems] == [("too_many_targets", "/models")]


async def test_nodes_are_bounded_and_come_in_pages(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "NODES_LIMIT", 3)
    for name in "abc":
        await stage.admin.beat(ANNA, name, Node(base_url=URL, models=("m",)))
    with pytest.raises(InvalidInput, match="at most 3 nodes"):
        await stage.admin.beat(ANNA, "d", Node(base_url=URL, models=("m",)))
    await stage.admin.beat(ANNA, "c", Node(base_url=URL, models=("n",)))
    first, after = await stage.admin.list_nodes(None, 2)
    rest, end = await stage.admin.list_nodes(after, 2)
    assert ([node.id for node in first + rest], end) == (["a", "b", "c"], None)
