"""Another process that asks the simulated server once: `python -m tests.tools.oauth.asking DATABASE_URL MCP_URL`."""

import asyncio
import sys

from services.storage.database import Database
from services.tools.sign_in.oauth import ToolAuth
from tests.tools.oauth.parts import BY_CODE, ask, make_vault
from tests.tools.oauth.served import REDIRECT_URI, Sim


async def _ask(database_url: str, url: str) -> int:
    db, sim = Database(database_url), Sim(url.removesuffix("/mcp"))
    tool_auth = ToolAuth(db, make_vault(), redirect_uri=REDIRECT_URI)
    answer = await ask(sim, tool_auth.for_server(sim.server(BY_CODE), "ann"))
    await db.close()
    return answer.status_code


if __name__ == "__main__":
    sys.stdout.write(f"{asyncio.run(_ask(*sys.argv[1:]))}\n")
