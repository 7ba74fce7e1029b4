"""A wallet, and the product as a caller sees it who is charged to it."""

from dataclasses import dataclass

from tests.ledger.till import Till
from tests.workflows.product import Product, eventually


@dataclass(frozen=True)
class Purse:
    """`filled_micros`: what was in it at first."""

    till: Till
    wallet: str
    filled_micros: int
    product: Product

    async def spent(self) -> int:
        """Wait until nothing is held any more; return what was spent, which stands in the ledger to the last micro."""

        async def settled() -> bool:
            return (await self.till.balance(self.wallet))[1] == 0

        await eventually(settled)
        available, _ = await self.till.balance(self.wallet)
        sums = await self.till.sums(self.wallet)
        spent = self.filled_micros - available
        assert sums.get("revenue", 0) == spent
        assert sums.get("loss", 0) == 0
        assert await self.till.broken(self.wallet) == []
        return spent

    async def held(self) -> int:
        """Return what is held."""
        return (await self.till.balance(self.wallet))[1]
