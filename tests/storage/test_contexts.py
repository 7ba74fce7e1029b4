from pathlib import Path

import pytest

from domain.context import Project, ProjectContext
from domain.errors import InvalidInput
from services.storage import contexts
from services.storage.database import Database
from services.storage.views.audit import AuditFilter, list_page
from tests.storage.samples import new_id

YAML = """
projects:
  - key: APO
    name: Apollo
    members: [Ada, {name: Grace, role: lead}]
    channels: ["#apollo"]
    deadline: June
tools: [jira]
glossary: {LH: Longhaul}
"""


async def _get(db: Database, owner: str) -> ProjectContext:
    async with db.transaction() as tx:
        return await contexts.get(tx, owner)


async def _import(db: Database, owner: str, path: Path) -> bool:
    async with db.transaction() as tx:
        return await contexts.import_file(tx, owner, path)


async def _put(db: Database, owner: str, context: ProjectContext) -> None:
    async with db.transaction() as tx:
        await contexts.put(tx, owner, context)


async def test_an_owner_without_a_context_has_an_empty_one(db: Database) -> None:
    context = await _get(db, new_id())
    assert context == ProjectContext()
    assert context.document() is None


async def test_a_file_is_imported_with_its_free_keys(db: Database, tmp_path: Path) -> None:
    owner, file = new_id(), tmp_path / "context.yaml"
    file.write_text(YAML)
    assert await _import(db, owner, file)
    document = (await _get(db, owner)).document()
    assert document is not None
    assert document["glossary"] == {"LH": "Longhaul"}
    assert document["projects"][0]["members"] == ["Ada", {"name": "Grace", "role": "lead"}]
    assert document["projects"][0]["deadline"] == "June"


async def test_an_edit_survives_a_restart_but_not_a_changed_file(db: Database, tmp_path: Path) -> None:
    owner, file = new_id(), tmp_path / "context.yaml"
    file.write_text(YAML)
    await _import(db, owner, file)
    edited = ProjectContext(projects=(Project(key="NEW"),))
    await _put(db, owner, edited)
    assert not await _import(db, owner, file)
    assert await _get(db, owner) == edited
    file.write_text("tools: [confluence]")
    assert await _import(db, owner, file)
    assert (await _get(db, owner)).tools == ("confluence",)


async def test_a_file_that_is_taken_over_is_in_the_audit_log(db: Database, tmp_path: Path) -> None:
    owner, file = new_id(), tmp_path / "context.yaml"
    file.write_text(YAML)
    await _import(db, owner, file)
    await _import(db, owner, file)
    (entry,), _ = await list_page(db, AuditFilter(None, object_id=owner), None, 10)
    assert (entry.action, entry.actor, entry.details) == ("context.replace", "context.yaml", {})


async def test_no_file_is_no_context(db: Database, tmp_path: Path) -> None:
    assert not await _import(db, new_id(), tmp_path / "none.yaml")


@pytest.mark.parametrize("content", [b"a: [", b"\xff\xfe\xff", b"projects: 7", b"- a", b"projects: [{name: no key}]"])
async def test_a_file_that_is_no_context_is_refused(db: Database, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "context.yaml"
    file.write_bytes(content)
    with pytest.raises(InvalidInput, match=r"context\.yaml"):
        await _import(db, new_id(), file)


async def test_an_empty_file_is_an_empty_context(db: Database, tmp_path: Path) -> None:
    file = tmp_path / "context.yaml"
    file.write_text("")
    owner = new_id()
    assert await _import(db, owner, file)
    assert await _get(db, owner) == ProjectContext()


async def test_a_huge_context_is_refused(db: Database) -> None:
    with pytest.raises(InvalidInput, match="bytes"):
        await _put(db, new_id(), ProjectContext(tools=("x" * contexts.MAX_BYTES,)))
