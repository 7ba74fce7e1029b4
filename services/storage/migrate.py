"""Bring a database to this build's schema: `python -m services.storage.migrate URL`. Safe to run twice and at once.

Everything happens in one transaction under an advisory lock: Alembic's revisions, then the SQL functions, which are
replaced by this build's each time (a changed signature needs a revision that drops the old function).
"""

import argparse
import asyncio
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from services.storage import engine
from services.storage.failures import translated

_HERE = Path(__file__).parent
_LOCK = 0x10A6_8A01


async def migrate(url: str) -> None:
    """Apply the missing revisions and renew the SQL functions, one process at a time.

    Raises:
        Unavailable: The database does not answer within 5 s.
    """
    made = create_async_engine(
        engine.sqlalchemy_url(url), poolclass=NullPool, connect_args={"timeout": engine.CONNECT_TIMEOUT_S}
    )
    with translated():
        async with made.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            await connection.run_sync(_upgrade)
            for function in sorted(_HERE.glob("functions/*.sql")):
                await connection.exec_driver_sql(function.read_text())


def configuration(connection: Connection) -> Config:
    """Return Alembic's configuration for one connection; there is no alembic.ini."""
    config = Config()
    config.set_main_option("script_location", str(_HERE / "migrations"))
    config.attributes["connection"] = connection
    return config


def _upgrade(connection: Connection) -> None:
    command.upgrade(configuration(connection), "head")


def main() -> None:
    """Migrate the database given as the one argument."""
    parser = argparse.ArgumentParser(description="Bring a Longhaul database to this build's schema.")
    parser.add_argument("url", help="postgresql://user:password@host/database")
    asyncio.run(migrate(parser.parse_args().url))


if __name__ == "__main__":
    main()
