"""The project context: who works on what, given to the coordinator as data (S1's config reader)."""

from typing import Any

from pydantic import ConfigDict, Field

from domain.value import Value

Named = str | dict[str, Any]
"""A person, channel or tool: its name alone, or an object of the user's own shape."""


class Project(Value):
    """One project. Further keys are kept as they are."""

    model_config = ConfigDict(extra="allow")

    key: str = Field(min_length=1, max_length=100)
    name: str = Field(default="", max_length=500)
    members: tuple[Named, ...] = Field(default=(), max_length=1000)
    channels: tuple[Named, ...] = Field(default=(), max_length=1000)


class ProjectContext(Value):
    """What an owner tells the coordinator about their projects and tools. Further keys are kept as they are."""

    model_config = ConfigDict(extra="allow")

    projects: tuple[Project, ...] = Field(default=(), max_length=1000)
    tools: tuple[Named, ...] = Field(default=(), max_length=1000)

    def document(self) -> dict[str, Any] | None:
        """Return the context as JSON for a model document, None when there is nothing in it."""
        data = self.model_dump(mode="json", exclude_defaults=True)
        return data or None
