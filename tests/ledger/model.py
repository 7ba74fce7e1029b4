"""The ledger in plain Python: what each function must do, told by `domain.ledger`. Errors are the domain's own."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from domain.caller_errors import BudgetSpent, FundsOnHold, InsufficientFunds
from domain.errors import Conflict, InvalidInput
from domain.ledger import MOST_MICROS, Estimate, granted, split


@dataclass
class ModelBudget:
    """A budget and what of it is used."""

    limit: int
    hard: bool
    spent: int = 0
    held: int = 0


@dataclass
class ModelHold:
    """A hold; `budgets`: those that it is reserved in, `left`: what of it is still set aside."""

    wanted: int
    amount: int
    overdue: bool
    budgets: tuple[str, ...]
    posted: int = 0
    over: int = 0
    lost: int = 0
    released: int = 0
    state: str = "open"

    @property
    def left(self) -> int:
        return self.amount - self.posted if self.state == "open" else 0


@dataclass
class Posting:
    """A posting: how much of it the wallet paid, and how much of that was given back."""

    micros: int
    paid: int
    refunded: int = 0


@dataclass
class ModelLedger:
    """One wallet, its budgets in the order of locks, and all that was booked."""

    floor: int
    available: int = 0
    held: int = 0
    budgets: dict[str, ModelBudget] = field(default_factory=dict[str, ModelBudget])
    holds: dict[str, ModelHold] = field(default_factory=dict[str, ModelHold])
    postings: dict[str, Posting] = field(default_factory=dict[str, Posting])
    moved: dict[str, int] = field(default_factory=dict[str, int])
    refunds: dict[str, tuple[str, int]] = field(default_factory=dict[str, tuple[str, int]])
    sums: dict[str, int] = field(default_factory=dict[str, int])

    def hold(self, name: str, micros: int, least: int | None, *, overdue: bool) -> int:
        _check(micros)
        known = self.holds.get(name)
        if known is not None:
            if known.wanted != micros or known.state != "open":
                raise Conflict("another hold")
            return known.amount
        amount = self._granted(Estimate(micros, micros if least is None else min(least, micros)))
        self.holds[name] = ModelHold(micros, amount, overdue, tuple(self.budgets))
        self._set_aside(self.holds[name].budgets, amount)
        return amount

    def extend(self, name: str, to: int) -> int | None:
        _check(to)
        hold = self.holds.get(name)
        if hold is None:
            return None
        if hold.state != "open":
            raise Conflict("ended")
        more = to - hold.amount
        if more > 0:
            self._granted(Estimate(more, more))
            hold.amount += more
            self._set_aside(hold.budgets, more)
        return hold.amount

    def post(self, key: str, name: str, micros: int) -> bool:
        if micros == 0:
            return False
        _check(micros)
        if key in self.postings:
            if self.postings[key].micros != micros:
                raise Conflict("another amount")
            return False
        hold = self.holds.get(name) or ModelHold(0, 0, overdue=False, budgets=(), state="none")
        paid = split(micros, held=hold.left, room=self.available - self.floor)
        for budget_id, budget in self.budgets.items():
            budget.spent += micros
            budget.held -= paid.held if budget_id in hold.budgets else 0
        hold.posted += paid.held
        hold.over += paid.available
        hold.lost += paid.loss
        self.held -= paid.held
        self.available -= paid.available
        self.postings[key] = Posting(micros, micros - paid.loss)
        self._add("revenue", micros)
        self._add("loss", -paid.loss)
        return True

    def release(self, name: str, state: str = "released") -> int | None:
        hold = self.holds.get(name)
        if hold is None or hold.state != "open":
            return None
        hold.released = hold.left
        self._set_aside(hold.budgets, -hold.released)
        hold.state = state
        return hold.released

    def expire(self, name: str) -> int | None:
        hold = self.holds.get(name)
        return self.release(name, "expired") if hold is not None and hold.overdue else None

    def move(self, key: str, micros: int, kind: str) -> None:
        _check(micros if kind == "top_up" else abs(micros))
        known = self.moved.get(f"{kind}/{key}")
        if known is not None:
            if known != micros:
                raise Conflict("another amount")
            return
        if micros < 0:
            self._room(-micros)
        self.available += micros
        self.moved[f"{kind}/{key}"] = micros
        self._add(kind, -micros)

    def refund(self, key: str, of: str, micros: int | None) -> None:
        if micros is not None:
            _check(micros)
        posting, known = self.postings[of], self.refunds.get(key)
        left = posting.paid - posting.refunded
        if known is not None:
            if known != (of, known[1] if micros is None else micros):
                raise Conflict("another refund")
            return
        amount = left if micros is None else micros
        if amount > left or left == 0:
            raise Conflict("more than was paid")
        posting.refunded += amount
        self.available += amount
        self.refunds[key] = (of, amount)
        self._add("revenue", -amount)

    def _granted(self, estimate: Estimate) -> int:
        least = estimate.least_micros
        hard = [budget for budget in self.budgets.values() if budget.hard]
        for budget in hard:
            if budget.limit - budget.spent < least:
                raise BudgetSpent("spent")
            if budget.limit - budget.spent - budget.held < least:
                raise FundsOnHold("held")
        self._room(least)
        rooms = [budget.limit - budget.spent - budget.held for budget in hard]
        amount = granted(estimate, [*rooms, self.available - self.floor])
        assert amount is not None
        return amount

    def _room(self, least: int) -> None:
        room = self.available - self.floor
        if room + self.held < least:
            raise InsufficientFunds("too little")
        if room < least:
            raise FundsOnHold("held")

    def _set_aside(self, budgets: Iterable[str], micros: int) -> None:
        self.available -= micros
        self.held += micros
        for each in budgets:
            self.budgets[each].held += micros

    def _add(self, kind: str, micros: int) -> None:
        self.sums[kind] = self.sums.get(kind, 0) + micros


def _check(micros: int) -> None:
    if not 0 < micros <= MOST_MICROS:
        raise InvalidInput("out of range")
