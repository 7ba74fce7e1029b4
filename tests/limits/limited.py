"""A member of the operating tenant with limits, over HTTP."""

from dataclasses import dataclass

import httpx

from tests.limits.people import Person
from tests.workflows.product import eventually


@dataclass(frozen=True)
class Limited:
    """A member of the operating tenant, with limits."""

    person: Person
    api: httpx.AsyncClient
    admin: httpx.AsyncClient
    model: str

    async def limit(self, kind: str, amount: int, window_s: int = 3600) -> None:
        """Set a limit of the member's."""
        terms = {"kind": kind, "amount": amount, **({} if kind == "concurrency" else {"window_s": window_s})}
        answer = await self.admin.post("/v1/limits", json={"subject": f"user:{self.person.user}", **terms})
        assert answer.status_code == 201, answer.text

    async def standing(self) -> dict[str, int]:
        """Return what is used, by kind."""
        limits = (await self.api.get("/v1/limits/standing")).json()["limits"]
        return {limit["kind"]: limit["used"] for limit in limits}

    async def until_known(self) -> None:
        """Ask until the API has seen the limits: a look at models is counted then."""

        async def counted() -> bool:
            await self.api.get("/v1/models")
            return (await self.standing())["requests"] > 0

        await eventually(counted, 5)
