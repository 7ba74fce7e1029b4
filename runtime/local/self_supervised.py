"""A server that can look after itself: `async with` starts it, restarts it after a crash and ends it."""

from abc import ABC, abstractmethod
from pathlib import Path

from runtime.local.process import ProcessSpec
from runtime.local.supervisor import Report, Supervisor


class SelfSupervised(ABC):
    """One process with a supervisor of its own; or give its `spec` to a supervisor you have."""

    def __init__(self, state_dir: Path, report: Report) -> None:
        self.supervisor = Supervisor(state_dir, report)

    @property
    @abstractmethod
    def spec(self) -> ProcessSpec:
        """The server as a process for a Supervisor."""

    @property
    @abstractmethod
    def address(self) -> str:
        """Where it is reached."""

    async def __aenter__(self) -> str:
        """Start the server; answers its address."""
        await self.supervisor.__aenter__()
        try:
            await self.supervisor.start(self.spec)
        except BaseException:
            await self.supervisor.close()
            raise
        return self.address

    async def __aexit__(self, *_: object) -> None:
        await self.supervisor.close()
