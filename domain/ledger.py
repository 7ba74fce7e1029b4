"""What work may cost, what of that is held for it, and how a posting is paid. Pure; the SQL functions do the same.

All amounts are micro-units. `docs/money.md` describes the whole.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from domain.budget import Price, Usage, cost

MOST_MICROS = 10**15
"""The largest amount: a thousand million of a currency."""

PRICE_CURRENCY = "USD"
"""What models' prices are in (`longhaul_money_price_currency`). Wallets of other currencies pay for no work."""

CALL_OUTPUT_TOKENS = 4096
"""What is held for the answer of a call whose caller sets no bound."""

CALL_LEAST_OUTPUT_TOKENS = 256
"""With money for so much of such an answer the call is made all the same; what is held then bounds it."""

INPUTS_HELD = 2
"""How often the input is held: an attempt that broke off in mid-answer is paid beside the one that follows it."""

REQUEST_MICROS = 500_000
"""What is held for a request that sets no budget."""

REQUEST_MOST_MICROS = 100_000_000
"""What is held for a request at its start, at most; a raised budget is held in full."""

REQUEST_LEAST_MICROS = 10_000
"""With so much available a request is begun, and what is held becomes its budget."""

CALL_MARGIN_S = 300.0
"""How much longer than its call a hold lasts: for the workflow that takes a lost call over."""

REQUEST_HOLD_S = 90 * 86_400.0
"""How long a request is held for that sets no deadline; people may let it wait for weeks."""


@dataclass(frozen=True)
class Payer:
    """Who pays: the wallet (None: nobody is charged), and whose budgets count it: tenant, user and key."""

    wallet: str | None
    tenant: str
    user: str
    key_id: str | None = None

    @property
    def subjects(self) -> tuple[str, ...]:
        """Whose budgets count, in the order in which they are locked."""
        of_key = () if self.key_id is None else (f"key:{self.key_id}",)
        return (f"tenant:{self.tenant}", f"user:{self.user}", *of_key)


@dataclass(frozen=True)
class Estimate:
    """What may be needed (0: nothing), and with how much of it the work is begun all the same."""

    micros: int = 0
    least_micros: int = 0


@dataclass(frozen=True)
class Charge:
    """What is to be held when work is accepted. `expires_s`: after that nothing works under the hold any more."""

    payer: Payer
    estimate: Estimate = Estimate()
    expires_s: float = REQUEST_HOLD_S


@dataclass(frozen=True)
class Rate:
    """A deployment that may answer: its price, and what bounds an answer of its."""

    price: Price
    max_output_tokens: int = CALL_OUTPUT_TOKENS
    context_tokens: int | None = None


@dataclass(frozen=True)
class Size:
    """How large a call may be. `output_tokens` of each of its `answers`; None: the caller sets no bound."""

    input_tokens: int
    output_tokens: int | None = None
    answers: int = 1


def call_estimate(size: Size, rates: Iterable[Rate]) -> Estimate:
    """Return what a call may cost at the dearest of the deployments that may answer it."""
    found = tuple(rates)
    most = max((_dearest(size, rate, CALL_OUTPUT_TOKENS) for rate in found), default=0)
    least = max((_dearest(size, rate, CALL_LEAST_OUTPUT_TOKENS) for rate in found), default=0)
    return Estimate(min(most, MOST_MICROS), min(least, MOST_MICROS))


def _dearest(size: Size, rate: Rate, unbounded: int) -> int:
    room = size.output_tokens
    if room is None:
        room = min(unbounded, rate.max_output_tokens)
    if rate.context_tokens is not None:
        room = max(min(room, rate.context_tokens - size.input_tokens), 0)
    usage = Usage(input_tokens=INPUTS_HELD * size.input_tokens, output_tokens=room * size.answers)
    return cost(usage, rate.price)


def request_estimate(budget_micros: int | None) -> Estimate:
    """Return what is held for a request: its budget within bounds, or a usual amount; less will do."""
    wanted = REQUEST_MICROS if budget_micros is None else min(budget_micros, REQUEST_MOST_MICROS)
    return Estimate(wanted, min(wanted, REQUEST_LEAST_MICROS))


def capped(budget_micros: int | None, held_micros: int | None) -> int | None:
    """Return a request's budget when so much is held for it (None: nothing needs to be)."""
    if held_micros is None or budget_micros is None:
        return budget_micros if held_micros is None else held_micros
    return min(budget_micros, held_micros)


def granted(estimate: Estimate, rooms: Sequence[int]) -> int | None:
    """Return what is held of an estimate when wallet and hard budgets have so much room; None: it is refused."""
    least = min((estimate.micros, *rooms))
    return None if least < min(estimate.least_micros, estimate.micros) else least


@dataclass(frozen=True)
class Split:
    """Who pays a posting: what was held for it, what else was available, and, where neither is left, we."""

    held: int
    available: int
    loss: int


def split(micros: int, *, held: int, room: int | None) -> Split:
    """Return how a posting is paid.

    Args:
        micros: Usage × price.
        held: What is left of the hold.
        room: What is available above the wallet's floor; None: it has none, and pays everything.
    """
    of_hold = min(micros, held)
    rest = micros - of_hold
    of_room = rest if room is None else min(rest, room)
    return Split(of_hold, of_room, rest - of_room)
