"""The desks: what is configured is stored with its revision and its audit, what is wrong is refused with its place."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from domain.errors import Conflict, InvalidInput, NotFound
from domain.model_pool import Limit, LimitKind, RouteTarget
from domain.revisions import StaleRevision
from services.llm.admin import ChangeFilter, Kind, NewCredential, PoolAdmin
from services.llm.config.edit import Action, Source
from services.llm.config.shelf import ACCOUNTS
from services.vault.vault import Vault
from tests.llm.config.stage import ANNA, AT_ONCE, RPM, SECRET, Stage, account, credential, deployment, provider, route

BEN = "ben"


def places(error: pytest.ExceptionInfo[InvalidInput]) -> list[tuple[str, str]]:
    return [(problem.code, problem.path) for problem in error.value.problems]


async def test_what_is_added_is_read_again(stage: Stage) -> None:
    await stage.fill()
    desk = stage.admin
    assert (await desk.providers.read(("p",))).base_url == "http://127.0.0.1:9/v1"
    assert (await desk.deployments.read(("d",))).model == "m"
    assert (await desk.routes.read(("r", ""))).targets == (RouteTarget(deployment_id="d"),)
    read = await desk.accounts.read(("a",))
    assert (read.revision, read.source, read.limits) == (1, Source.ADMIN, (RPM,))
    assert (read.has_credential, read.credential_readable, read.parked, read.checked_at) == (True, True, None, None)
    assert read.credential_set_at is not None


async def test_every_change_counts_the_version_up_and_is_audited(stage: Stage) -> None:
    before = await stage.version()
    await stage.fill()
    await stage.admin.routes.replace(BEN, route("r", "d", wait_s=5), None)
    await stage.admin.accounts.switch(BEN, ("a",), disabled=True)
    await stage.admin.routes.delete(BEN, ("r", ""), None)
    assert await stage.version() == before + 7
    assert (await stage.audit())[3:] == [
        (ANNA, "create", "route", "r"),
        (BEN, "replace", "route", "r"),
        (BEN, "disable", "account", "a"),
        (BEN, "delete", "route", "r"),
    ]


async def test_a_refused_change_leaves_nothing(stage: Stage) -> None:
    await stage.fill()
    before = (await stage.version(), await stage.everything())
    with pytest.raises(InvalidInput):
        await stage.admin.accounts.replace(ANNA, account(provider_id="nobody"), credential("other"), None)
    with pytest.raises(Conflict):
        await stage.admin.providers.create(ANNA, provider())
    assert (await stage.version(), await stage.everything()) == before


async def test_the_audit_comes_in_pages_and_by_object(stage: Stage) -> None:
    await stage.fill()
    whole, _ = await stage.admin.changes(ChangeFilter(), None, 100)
    assert [(change.kind, change.action) for change in whole] == [
        (Kind.ROUTE, Action.CREATE),
        (Kind.DEPLOYMENT, Action.CREATE),
        (Kind.ACCOUNT, Action.CREATE),
        (Kind.PROVIDER, Action.CREATE),
    ]
    first, before = await stage.admin.changes(ChangeFilter(), None, 3)
    rest, end = await stage.admin.changes(ChangeFilter(), before, 3)
    assert (first + rest, end) == (whole, None)
    of_one, _ = await stage.admin.changes(ChangeFilter(kind=Kind.ACCOUNT, object_id="a"), None, 3)
    assert [change.data["credential"] for change in of_one] == ["set"]


async def test_limits_are_rows_and_learnt_ones_stay_as_long_as_their_credential(stage: Stage) -> None:
    await stage.fill()
    await stage.db.fetch(
        "INSERT INTO pool_limit (account_id, kind, window_s, learnt, amount) VALUES ('a', 'requests', 60, true, 50)"
    )
    assert await stage.limits() == {("requests", 60, 60, False), ("requests", 60, 50, True)}
    changed = await stage.admin.accounts.replace(ANNA, account(limits=(AT_ONCE,)), None, None)
    assert await stage.limits() == {("concurrency", 0, 5, False), ("requests", 60, 50, True)}
    assert [(limit.kind, limit.amount) for limit in changed.learnt_limits] == [(LimitKind.REQUESTS, 50)]
    await stage.admin.accounts.replace(ANNA, account(limits=(AT_ONCE,)), credential("sk-new"), None)
    assert await stage.limits() == {("concurrency", 0, 5, False)}
    await stage.admin.routes.delete(ANNA, ("r", ""), None)
    await stage.admin.deployments.delete(ANNA, "d", None)
    await stage.admin.accounts.delete(ANNA, "a", None)
    assert await stage.limits() == set()


async def test_a_credential_is_kept_replaced_and_removed_and_never_shown(stage: Stage) -> None:
    await stage.fill()
    kept = await stage.admin.accounts.replace(ANNA, account(weight=3), None, None)
    assert (await stage.opened(), kept.has_credential) == (SECRET, True)
    await stage.admin.accounts.replace(ANNA, account(), credential("sk-other"), None)
    assert await stage.opened() == "sk-other"
    removed = await stage.admin.accounts.replace(ANNA, account(), NewCredential(None), None)
    assert (await stage.opened(), removed.has_credential, removed.credential_set_at) == (None, False, None)
    noted, _ = await stage.admin.changes(ChangeFilter(kind=Kind.ACCOUNT), None, 10)
    assert [change.data.get("credential") for change in noted] == ["removed", "set", None, "set"]
    shown = repr([await stage.admin.accounts.page(None, 10), noted]) + await stage.everything()
    assert SECRET not in shown
    assert "sk-other" not in shown


async def test_a_sealed_credential_opens_for_its_own_account_only(stage: Stage) -> None:
    await stage.fill()
    await stage.admin.accounts.create(ANNA, account("b"), None)
    await stage.db.fetch("UPDATE pool_account SET credential = $1 WHERE id = 'b'", await stage.sealed())
    assert (await stage.admin.accounts.read(("b",))).credential_readable is False


async def test_a_credential_under_an_unknown_key_is_seen_as_such(stage: Stage) -> None:
    await stage.fill()
    stranger = Vault({"k2": b"2" * 32}, active="k2")
    await stage.db.fetch("UPDATE pool_account SET credential = $1", stranger.seal(b"x", bound_to="pool_account/a"))
    assert (await stage.admin.accounts.read(("a",))).credential_readable is False


Change = Callable[[PoolAdmin], Awaitable[object]]
WRONG: list[tuple[Change, list[tuple[str, str]]]] = [
    (lambda desk: desk.accounts.create(ANNA, account("x", "nobody"), None), [("unknown_provider", "/provider_id")]),
    (lambda desk: desk.deployments.create(ANNA, deployment("x", "nobody")), [("unknown_account", "/account_id")]),
    (
        lambda desk: desk.routes.create(ANNA, route("x", "d", "gone", "gone2")),
        [("unknown_deployment", "/targets/1/deployment_id"), ("unknown_deployment", "/targets/2/deployment_id")],
    ),
    (lambda desk: desk.routes.create(ANNA, route("x", fallbacks=("y",))), [("unknown_route", "/fallbacks/0")]),
    (lambda desk: desk.routes.create(ANNA, route("x", fallbacks=("x",))), [("fallback_loop", "/fallbacks/0")]),
    (lambda desk: desk.routes.create(ANNA, route("a*b", "d")), [("bad_wildcard", "/name")]),
    (
        lambda desk: desk.accounts.create(ANNA, account("x", limits=(RPM, AT_ONCE, RPM)), None),
        [("duplicate_limit", "/limits/2")],
    ),
]


@pytest.mark.parametrize(("change", "expected"), WRONG)
async def test_what_does_not_hold_together_is_refused_with_its_place(
    stage: Stage, change: Change, expected: list[tuple[str, str]]
) -> None:
    await stage.fill()
    with pytest.raises(InvalidInput) as error:
        await change(stage.admin)
    assert places(error) == expected


async def test_a_range_of_sizes_that_holds_none_is_refused(stage: Stage) -> None:
    await stage.fill()
    empty = RouteTarget(deployment_id="d", min_input_tokens=10, max_input_tokens=9)
    with pytest.raises(InvalidInput) as error:
        await stage.admin.routes.create(ANNA, route("x").model_copy(update={"targets": (empty,)}))
    assert places(error) == [("empty_range", "/targets/0/max_input_tokens")]


async def test_fallbacks_never_come_back(stage: Stage) -> None:
    await stage.fill()
    await stage.admin.routes.create(ANNA, route("a", fallbacks=("r",)))
    await stage.admin.routes.create(ANNA, route("b", fallbacks=("a",)))
    with pytest.raises(InvalidInput) as error:
        await stage.admin.routes.replace(ANNA, route("r", "d", fallbacks=("b",)), None)
    assert places(error) == [("fallback_loop", "/fallbacks/0")]


async def test_there_is_one_of_each_name(stage: Stage) -> None:
    await stage.fill()
    for change in (
        stage.admin.providers.create(ANNA, provider()),
        stage.admin.accounts.create(ANNA, account(), None),
        stage.admin.deployments.create(ANNA, deployment()),
        stage.admin.routes.create(ANNA, route("r")),
    ):
        with pytest.raises(Conflict) as error:
            await change
        assert [problem.code for problem in error.value.problems] == ["duplicate_id"]
    await stage.admin.routes.create(ANNA, route("r", version="2"))
    with pytest.raises(Conflict):
        await stage.admin.routes.create(ANNA, route("r", version="2"))


async def test_what_others_stand_on_is_not_removed(stage: Stage) -> None:
    await stage.fill()
    await stage.admin.routes.create(ANNA, route("x", fallbacks=("r",)))
    for change, named in (
        (stage.admin.providers.delete(ANNA, "p", None), "a"),
        (stage.admin.accounts.delete(ANNA, "a", None), "d"),
        (stage.admin.deployments.delete(ANNA, "d", None), "r"),
        (stage.admin.routes.delete(ANNA, ("r", ""), None), "x"),
    ):
        with pytest.raises(Conflict) as error:
            await change
        assert [(problem.code, problem.message) for problem in error.value.problems] == [("in_use", named)]


async def test_everything_goes_from_the_top_down(stage: Stage) -> None:
    await stage.fill()
    await stage.admin.routes.delete(ANNA, ("r", ""), None)
    await stage.admin.deployments.delete(ANNA, "d", None)
    await stage.admin.accounts.delete(ANNA, "a", None)
    await stage.admin.providers.delete(ANNA, "p", None)
    for missing in (stage.admin.accounts.read(("a",)), stage.admin.providers.delete(ANNA, "p", None)):
        with pytest.raises(NotFound):
            await missing


async def test_of_two_changes_of_one_revision_one_is_refused(stage: Stage) -> None:
    await stage.fill()
    changes = (stage.admin.accounts.replace(ANNA, account(weight=n), None, 1) for n in range(1, 9))
    done = await asyncio.gather(*changes, return_exceptions=True)
    refused = [each for each in done if isinstance(each, BaseException)]
    assert [type(each) for each in refused] == [StaleRevision] * 7
    assert (await stage.admin.accounts.read(("a",))).revision == 2
    with pytest.raises(StaleRevision):
        await stage.admin.accounts.switch(ANNA, ("a",), disabled=True, expected=1)
    with pytest.raises(StaleRevision):
        await stage.admin.routes.delete(ANNA, ("r", ""), 7)


async def test_changes_of_many_at_once_are_all_counted(stage: Stage) -> None:
    before = await stage.version()
    await asyncio.gather(*(stage.admin.providers.create(ANNA, provider(f"p{n}")) for n in range(20)))
    assert await stage.version() == before + 20


async def test_lists_come_in_pages_and_by_parent(stage: Stage) -> None:
    for name in "pq":
        await stage.admin.providers.create(ANNA, provider(name))
        for n in range(5):
            await stage.admin.accounts.create(ANNA, account(f"{name}{n}", name), None)
    seen: list[str] = []
    after = None
    while True:
        page, after = await stage.admin.accounts.page(after, 3)
        seen += [each.id for each in page]
        if after is None:
            break
    assert seen == [f"{name}{n}" for name in "pq" for n in range(5)]
    of_one, _ = await stage.admin.accounts.page(None, 100, "q")
    assert [each.id for each in of_one] == [f"q{n}" for n in range(5)]


async def test_routes_come_in_pages_by_name_and_version(stage: Stage) -> None:
    for name, version in (("a", "2"), ("a", ""), ("b@x", ""), ("b", "1")):
        await stage.admin.routes.create(ANNA, route(name, version=version))
    first, after = await stage.admin.routes.page(None, 3)
    rest, end = await stage.admin.routes.page(after, 3)
    assert [(each.name, each.version) for each in first + rest] == [("a", ""), ("a", "2"), ("b", "1"), ("b@x", "")]
    assert end is None


async def test_an_installation_has_ten_thousand_accounts_and_no_more(stage: Stage) -> None:
    await stage.fill()
    await stage.db.fetch(
        """INSERT INTO pool_account (id, provider_id, data)
        SELECT 'n' || n, 'p', jsonb_build_object('id', 'n' || n, 'provider_id', 'p')
        FROM generate_series(2, $1) AS n""",
        ACCOUNTS.limit,
    )
    with pytest.raises(InvalidInput, match="at most 10000 accounts"):
        await stage.admin.accounts.create(ANNA, account("one-too-many"), None)


async def test_unparking_is_audited_once(stage: Stage) -> None:
    await stage.fill()
    await stage.db.fetch("UPDATE pool_account SET parked_at = now(), parked_code = 'c', parked_note = 'n'")
    parked = (await stage.admin.accounts.read(("a",))).parked
    assert parked is not None
    assert (parked.code, parked.note) == ("c", "n")
    for _ in range(2):
        assert (await stage.admin.accounts.unpark(BEN, "a")).parked is None
    assert [entry for entry in await stage.audit() if entry[1] == "unpark"] == [(BEN, "unpark", "account", "a")]
    with pytest.raises(NotFound):
        await stage.admin.accounts.unpark(BEN, "nobody")


async def test_a_window_and_a_kind_may_each_occur_again(stage: Stage) -> None:
    await stage.admin.providers.create(ANNA, provider())
    several = (
        RPM,
        Limit(kind=LimitKind.REQUESTS, amount=9, window_s=1),
        Limit(kind=LimitKind.TOKENS, amount=9, window_s=1),
    )
    await stage.admin.accounts.create(ANNA, account(limits=several), None)
    assert len(await stage.limits()) == 3
