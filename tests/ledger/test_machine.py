"""The ledger against its model in plain Python: whatever is done in whatever order, both say the same to the micro."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from domain.errors import LonghaulError
from domain.ledger import Payer
from services.storage.database import Database
from tests.ledger.model import ModelBudget, ModelLedger
from tests.ledger.till import HOUR_S, NewBudget, Post, Till, fresh

NAMES = st.integers(0, 4)
KEYS = st.integers(0, 5)
AMOUNTS = st.one_of(st.integers(1, 1500), st.sampled_from([-5, 0, 1, 10**15, 10**15 + 1, 2**63 - 1]))
SIZES = st.integers(1, 800)
SUBJECTS = ("tenant", "user", "key")


class LedgerMachine(RuleBasedStateMachine):
    """Wallets, holds, postings and budgets, in any order. `loop` and `db` are the test's."""

    loop: asyncio.Runner
    db: Database

    @initialize(floor=st.sampled_from([0, 0, -700]), money=st.integers(1, 3000))
    def begin(self, floor: int, money: int) -> None:
        self.till = Till(self.db)
        self.model = ModelLedger(floor)
        self.wallet = self.real(self.till.open(floor))
        self.payer = Payer(self.wallet, fresh("ten"), fresh("usr"), fresh("key"))
        self.names = [fresh("req") for _ in range(5)]
        for name in self.names[:4]:
            self.real(self.till.row(name, self.payer))
        self.sub = fresh("req")
        self.real(self.till.row(self.sub, self.payer, root=self.names[0]))
        self.top_up(0, money)

    def real(self, work: Awaitable[Any]) -> Any:
        async def run() -> Any:
            return await work

        return self.loop.run(run())

    def same(self, modelled: Callable[[], object], work: Awaitable[object], *, answers: bool = True) -> None:
        """Do it in both; they answer the same (unless an answer is a number of the database's), or refuse it alike."""
        try:
            expected = modelled()
        except LonghaulError as error:
            with pytest.raises(type(error)):
                self.real(work)
        else:
            found = self.real(work)
            assert found == expected or not answers

    @rule(place=NAMES, micros=AMOUNTS, least=st.none() | SIZES, overdue=st.booleans())
    def hold(self, place: int, micros: int, least: int | None, *, overdue: bool) -> None:
        name = self.names[place]
        expires_s = -1.0 if overdue else HOUR_S
        work = self.till.hold(name, self.payer, micros, least=least, expires_s=expires_s)
        self.same(lambda: self.model.hold(name, micros, least, overdue=overdue), work)

    @rule(place=NAMES, n=KEYS, micros=AMOUNTS)
    def post(self, place: int, n: int, micros: int) -> None:
        name = self.names[place]
        if place == len(self.names) - 1:
            assert not self.real(self.till.post(Post(name, 1, n))), "no row, nobody pays"
            return
        self.same(lambda: self.model.post(f"{name}/{n}", name, micros), self.till.post(Post(name, micros, n)))

    @rule(n=KEYS, micros=SIZES)
    def post_for_a_sub_request(self, n: int, micros: int) -> None:
        key = f"{self.sub}/{n}"
        self.same(lambda: self.model.post(key, self.names[0], micros), self.till.post(Post(self.sub, micros, n)))

    @rule(place=NAMES)
    def release(self, place: int) -> None:
        name = self.names[place]
        self.same(lambda: self.model.release(name), self.till.release(name))

    @rule(place=NAMES)
    def expire(self, place: int) -> None:
        name = self.names[place]
        self.same(lambda: self.model.expire(name), self.till.expire(name))

    @rule(place=NAMES, to=AMOUNTS)
    def extend(self, place: int, to: int) -> None:
        name = self.names[place]
        self.same(lambda: self.model.extend(name, to), self.till.extend(name, to))

    @rule(key=KEYS, micros=AMOUNTS)
    def top_up(self, key: int, micros: int) -> None:
        if micros == 10**15 and self.model.available > 10**17:
            return
        work = self.till.top_up(self.wallet, micros, f"{key}")
        self.same(lambda: self.model.move(str(key), micros, "top_up"), work, answers=False)

    @rule(key=KEYS, micros=AMOUNTS | st.integers(-1500, -1))
    def adjust(self, key: int, micros: int) -> None:
        work = self.till.adjust(self.wallet, micros, f"{key}")
        self.same(lambda: self.model.move(str(key), micros, "adjustment"), work, answers=False)

    @rule(key=KEYS, which=st.integers(0, 30), micros=st.none() | AMOUNTS)
    def refund(self, key: int, which: int, micros: int | None) -> None:
        if not self.model.postings:
            return
        of = sorted(self.model.postings)[which % len(self.model.postings)]
        request, _, n = of.partition("/")
        posting = self.real(self.till.posting(Post(request, 0, int(n))))
        work = self.till.refund(posting, micros, f"{key}")
        self.same(lambda: self.model.refund(str(key), of, micros), work, answers=False)

    @rule(of=st.sampled_from(SUBJECTS), limit=st.integers(0, 4000), period=st.sampled_from(["day", "month", "total"]))
    def budget(self, of: str, limit: int, period: str) -> None:
        if len(self.model.budgets) >= 4:
            return
        subject = self.payer.subjects[SUBJECTS.index(of)]
        hard = limit % 3 != 0
        new = NewBudget(subject, limit, period, hard=hard, id=fresh(f"bud{SUBJECTS.index(of)}"))
        self.real(self.till.budget(new))
        found = {**self.model.budgets, new.id: ModelBudget(limit, hard)}
        self.model.budgets = dict(sorted(found.items()))

    @invariant()
    def both_have_the_same_balances(self) -> None:
        available, held = self.real(self.till.balance(self.wallet))
        assert (available, held) == (self.model.available, self.model.held)
        assert held == sum(hold.left for hold in self.model.holds.values())
        sums = dict(self.real(self.till.sums(self.wallet)))
        assert (sums.pop("available", 0), sums.pop("held", 0)) == (available, held)
        assert {kind: micros for kind, micros in sums.items() if micros} == {
            kind: micros for kind, micros in self.model.sums.items() if micros
        }
        assert available + held + sum(sums.values()) == 0
        assert self.real(self.till.broken(self.wallet)) == []

    @invariant()
    def both_have_the_same_holds(self) -> None:
        for name, hold in self.model.holds.items():
            row = self.real(self.till.hold_row(name))
            found = [row[f"{part}_micros"] for part in ("amount", "posted", "over", "lost", "released")]
            assert found == [hold.amount, hold.posted, hold.over, hold.lost, hold.released]
            assert row["state"] == hold.state

    @invariant()
    def both_have_used_the_same_of_budgets(self) -> None:
        for budget_id, budget in self.model.budgets.items():
            assert self.real(self.till.use(budget_id)) == (budget.spent, budget.held)


def _play(url: str, examples: int, steps: int) -> None:
    db = Database(url, pool_size=2)
    with asyncio.Runner() as runner:
        machine = type("Machine", (LedgerMachine,), {"loop": runner, "db": db})
        chosen = settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=(HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large),
        )
        run_state_machine_as_test(machine, settings=chosen)
        runner.run(db.close())


def test_the_ledger_does_what_its_model_does(database_url: str) -> None:
    _play(database_url, 50, 30)


@pytest.mark.long
def test_twenty_thousand_steps(database_url: str) -> None:
    _play(database_url, 400, 50)
