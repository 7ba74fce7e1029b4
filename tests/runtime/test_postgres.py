"""The embedded PostgreSQL keeps its data whatever ends it."""

import shutil
from pathlib import Path

import asyncpg
import psutil
import pytest

from runtime.local import EmbeddedPostgres
from runtime.local.errors import LocalError


async def rows(url: str) -> list[int]:
    """What the table holds, after adding one row."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        await connection.execute("CREATE TABLE IF NOT EXISTS kept (n serial)")
        await connection.execute("INSERT INTO kept DEFAULT VALUES")
        return [int(row["n"]) for row in await connection.fetch("SELECT n FROM kept ORDER BY n")]
    finally:
        await connection.close()


async def test_data_survives_a_killed_postmaster_and_a_restart(own_dir: Path) -> None:
    postgres = EmbeddedPostgres(own_dir)
    async with postgres as url:
        assert await rows(url) == [1]
        postgres.supervisor.kill("postgres")
        await postgres.supervisor.wait_ready("postgres")
        assert await rows(url) == [1, 34]  # a crash skips up to 32 numbers of a sequence, and no row
    async with EmbeddedPostgres(own_dir) as url:
        assert len(await rows(url)) == 3


async def test_a_pid_file_with_somebody_elses_pid_is_no_obstacle(own_dir: Path) -> None:
    async with EmbeddedPostgres(own_dir) as url:
        await rows(url)
    stale = own_dir / "postgres" / "postmaster.pid"
    stale.write_text(f"{psutil.Process().pid}\n{own_dir}/postgres\n1\n5432\n\n\n\nready\n")
    async with EmbeddedPostgres(own_dir) as url:
        assert len(await rows(url)) == 2


async def test_connections_vectors_and_text_are_as_the_product_needs(own_dir: Path) -> None:
    async with EmbeddedPostgres(own_dir) as url:
        connection = await asyncpg.connect(url.replace("+asyncpg", ""))
        try:
            assert await connection.fetchval("SHOW max_connections") == "200"
            assert await connection.fetchval("SELECT lower('ĐÀ NẴNG')") == "đà nẵng"
            await connection.execute("CREATE EXTENSION vector")
            assert await connection.fetchval("SELECT ('[1,2]'::vector <-> '[1,2]'::vector)") == 0
        finally:
            await connection.close()


async def test_it_stops_at_once_though_clients_are_connected(own_dir: Path) -> None:
    postgres = EmbeddedPostgres(own_dir)
    async with postgres as url:
        connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await connection.fetchval("SELECT 1")
    connection.terminate()


async def test_a_long_folder_name_gets_a_short_socket(own_dir: Path) -> None:
    deep = own_dir / ("deep" * 20)
    async with EmbeddedPostgres(deep) as url:
        assert str(deep) not in url
        assert await rows(url) == [1]
    shutil.rmtree(url.partition("?host=")[2])


async def test_a_socket_folder_of_somebody_else_is_refused(own_dir: Path) -> None:
    postgres = EmbeddedPostgres(own_dir)
    (own_dir / "sockets").symlink_to("/tmp")  # noqa: S108  as an attacker would
    with pytest.raises(LocalError, match="not a private folder"):
        async with postgres:
            pass
