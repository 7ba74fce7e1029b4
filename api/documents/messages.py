"""Messages on the wire: the contracts' own, less the ids that stand in the path."""

from pydantic import BaseModel, ConfigDict, Field

from api.documents.links import Links
from contracts.messages import MessageId
from domain.edits import Edit
from domain.request import Options
from domain.value import Value


class CancelBody(Value):
    """Why to cancel."""

    reason: str = Field(default="cancelled by the user", max_length=1000)
    message_id: MessageId = None


class PlainBody(Value):
    """A message that says nothing but its verb."""

    message_id: MessageId = None


class ForkBody(Value):
    """Run a request again from a step on.

    `edits` apply to the fork's plan as an amendment does; `options` given here replace those of the source.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "from_step": "compare",
                "edits": [{"op": "set_prompt", "step_id": "compare", "prompt": "Say which is shorter."}],
                "options": {"model": "another-model"},
            }
        }
    )

    from_step: str = Field(max_length=40)
    edits: tuple[Edit, ...] = Field(default=(), max_length=100)
    options: Options = Options()
    message_id: MessageId = None


class ForkedDocument(BaseModel):
    """A new request that keeps the results of `kept` and runs `rerun` again."""

    id: str
    kept: list[str]
    rerun: list[str]
    links: Links
