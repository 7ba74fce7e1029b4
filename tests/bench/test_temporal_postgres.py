"""The parts of a Temporal server on PostgreSQL that need no server."""

from pathlib import Path

import pytest
import yaml
from sqlalchemy import make_url

from bench.databases import Counts, Databases
from bench.temporal_postgres import PINS, SERVER, get_programs, without_btree_gin
from runtime.local.errors import TemporalBinaryError
from runtime.local.go_build import built_path
from runtime.local.progress import Teller

VISIBILITY = """
DO LANGUAGE 'plpgsql' $$
    BEGIN
        IF ( NOT EXISTS (select extname from pg_extension where extname = 'btree_gin') ) THEN
            CREATE EXTENSION btree_gin;
        END IF;
    END
$$;
CREATE INDEX by_status ON executions_visibility (namespace_id, status);
CREATE INDEX by_build_ids ON executions_visibility USING GIN (namespace_id, BuildIds jsonb_path_ops);
"""


def test_the_visibility_schema_loses_the_extension_and_one_column_of_its_gin_indexes() -> None:
    lines = without_btree_gin(VISIBILITY).split("\n")
    assert [line for line in lines if line] == [
        "CREATE INDEX by_status ON executions_visibility (namespace_id, status);",
        "CREATE INDEX by_build_ids ON executions_visibility USING GIN (BuildIds jsonb_path_ops);",
    ]


async def test_without_go_it_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TemporalBinaryError, match=r"install Go 1\.26\.8"):
        await get_programs(tmp_path, Teller())


def test_the_pins_say_which_go_they_need() -> None:
    assert f"\ngo {SERVER.go_needed}\n" in (PINS / "go.mod").read_text()
    assert built_path(PINS, Path("cache"), SERVER).name.startswith("temporal-server-")


def test_dynamic_configuration_is_that_of_the_development_server() -> None:
    values = yaml.safe_load((PINS / "dynamic.yaml").read_text())
    assert values["matching.numTaskqueueReadPartitions"] == [{"value": 1}]
    assert values["matching.numTaskqueueWritePartitions"] == [{"value": 1}]


async def test_databases_are_made_and_counted(database_url: str) -> None:
    databases = Databases(database_url)
    await databases.create("bench_test")
    assert make_url(databases.address("bench_test")).database == "bench_test"
    assert isinstance((await databases.counts())["bench_test"], Counts)
    assert await databases.commit_ms(3) > 0
    assert (await databases.version()).startswith("1")
