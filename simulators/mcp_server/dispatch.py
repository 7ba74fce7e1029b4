"""What is done with one message: the behaviour that is switched on, if it shows now, else the honest answer."""

from simulators.mcp_server.behaviours import chosen, stage_of
from simulators.mcp_server.turn import Turn


async def take(turn: Turn) -> None:
    """Answer a request."""
    if turn.world.behaviour is not None:
        behaviour, stage = chosen(turn.world.behaviour)
        if stage is not None and stage_of(turn.method) is stage:
            await behaviour.run(turn)
            return
    await turn.wire.finish(await turn.honest())
