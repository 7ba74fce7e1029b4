"""Money and tokens: prices, what a call costs, and what a step may spend. All money is integer micro-units."""

from pydantic import Field

from domain.value import Value

_MILLION = 1_000_000


DEAREST_MICROS = 10**12
"""The highest price: a million of the currency for a million tokens. What a call costs then is one of the ledger's
amounts."""


class Price(Value):
    """A model's price in micro-units per million tokens."""

    input_micros: int = Field(default=0, ge=0, le=DEAREST_MICROS)
    cached_input_micros: int = Field(default=0, ge=0, le=DEAREST_MICROS)
    output_micros: int = Field(default=0, ge=0, le=DEAREST_MICROS)


class Usage(Value):
    """Tokens of one call; `input_tokens` includes `cached_tokens`, `output_tokens` includes `reasoning_tokens`.

    `estimated`: counted by us, not told by the provider.
    """

    input_tokens: int = Field(default=0, ge=0)
    cached_tokens: int = Field(default=0, ge=0)
    output_tokens: int = Field(default=0, ge=0)
    reasoning_tokens: int = Field(default=0, ge=0)
    estimated: bool = False


def cost(usage: Usage, price: Price) -> int:
    """Return what a call costs in micro-units, rounded up.

    The sum of tokens × price per million, cached input at its own price.
    """
    cached = min(usage.cached_tokens, usage.input_tokens)
    units = (
        (usage.input_tokens - cached) * price.input_micros
        + cached * price.cached_input_micros
        + usage.output_tokens * price.output_micros
    )
    return -(-units // _MILLION)


def estimate_tokens(text: str) -> int:
    """Return an upper estimate of a text's tokens: one per 3 bytes of UTF-8, and 8 for the message's frame."""
    return len(text.encode()) // 3 + 8


def affordable_output(grant_micros: int | None, input_tokens: int, price: Price, ceiling: int) -> int:
    """Return how many output tokens the grant pays for after the input, at most `ceiling`; 0 when not even one."""
    if grant_micros is None:
        return ceiling
    left = grant_micros - cost(Usage(input_tokens=input_tokens), price)
    if left < 0:
        return 0
    if price.output_micros == 0:
        return ceiling
    return min(ceiling, left * _MILLION // price.output_micros)


def grant(remaining_micros: int | None, shares: int, cap_micros: int | None) -> int | None:
    """Return what one step may spend: an equal share of what remains, at most its own cap. None is unlimited.

    Args:
        remaining_micros: Budget less what is spent and what is granted to running steps.
        shares: How many steps still want a share, this one included.
        cap_micros: The step's own budget.
    """
    if remaining_micros is None:
        return cap_micros
    share = max(remaining_micros, 0) // max(shares, 1)
    return share if cap_micros is None else min(share, cap_micros)
