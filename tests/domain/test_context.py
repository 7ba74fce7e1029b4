import pytest
from pydantic import ValidationError

from domain.context import Project, ProjectContext


def test_document_keeps_what_the_user_wrote_and_nothing_else() -> None:
    written = {
        "projects": [{"key": "LH", "members": ["ann", {"name": "bo", "role": "lead"}], "board": 7}],
        "tools": ["jira"],
        "notes": {"any": "thing"},
    }
    assert ProjectContext.model_validate(written).document() == written


def test_empty_context_has_no_document() -> None:
    assert ProjectContext().document() is None


@pytest.mark.parametrize("wrong", [{"key": ""}, {"key": "k" * 101}, {"key": "k", "members": [7]}, {"key": "\ud800"}])
def test_wrong_project_is_refused(wrong: object) -> None:
    with pytest.raises(ValidationError):
        Project.model_validate(wrong)


def test_context_is_immutable() -> None:
    context = ProjectContext()
    with pytest.raises(ValidationError):
        context.tools = ("x",)  # type: ignore[misc]  # the point of the test
