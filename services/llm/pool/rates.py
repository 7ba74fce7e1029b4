"""What the deployments cost that may answer a call: what is held for it is reckoned from them."""

from domain.ledger import Rate
from services.llm.pool.choosing import candidates, ways
from services.llm.pool.port import Need
from services.llm.pool.snapshot import Snapshot
from services.llm.prices import Prices


def rates(snapshot: Snapshot, need: Need, prices: Prices) -> tuple[Rate, ...]:
    """Return the rates of a route's deployments and of its fallbacks', without disabled ones.

    Raises:
        ModelUnknown: There is no such route, or the owner may not use it.
    """
    return tuple(
        Rate(each.price, each.deployment.max_output_tokens, each.deployment.context_tokens)
        for way in ways(snapshot, need)
        for each in candidates(snapshot, way, prices)
        if not (each.disabled or each.deployment.disabled)
    )
