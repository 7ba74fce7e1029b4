"""What can go wrong with an answer, on purpose. The same in every dialect; each words it in its own way."""

import base64
import binascii
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from simulators.model_provider.usage import WrongUsage

MAX_BYTES = 64 * 1024 * 1024


class Form(BaseModel):
    """What is posted to the control endpoints."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Refusal(Form):
    """A model's refusal. OpenAI ends one with `stop`, some servers with `content_filter`."""

    text: str = "I'm sorry, I can't help with that."
    finish_reason: Literal["stop", "content_filter"] = "stop"


class ToolCallFault(Form):
    """A call of a tool, asked for or not; text for arguments goes out as it is, JSON or not."""

    name: str
    arguments: dict[str, Any] | str = {}


class StreamError(Form):
    """An error told inside an answer of status 200: as an event after so many pieces, or as the whole body."""

    after: int = Field(default=0, ge=0)
    status: int = Field(default=503, ge=400, le=599)


class Raw(Form):
    """An answer byte by byte.

    Attributes:
        headers: All of the answer's, but for `date`, `server` and the framing.
        body_base64: In place of `body`, for bytes that are no text.
        repeat: Send the body so many times.
        piece_bytes: Send it in pieces of so many bytes; None: as a whole.
        pause_s: Seconds before each piece.
        end: After the body end the answer, drop the connection, or say nothing more until the client goes away.
    """

    status: int = Field(default=200, ge=200, le=599)
    headers: dict[str, str] = {}
    body: str = ""
    body_base64: str | None = None
    repeat: int = Field(default=1, ge=1, le=10_000_000)
    piece_bytes: int | None = Field(default=None, ge=1)
    pause_s: float = Field(default=0.0, ge=0, le=3600)
    end: Literal["close", "cut", "hang"] = "close"

    @model_validator(mode="after")
    def _is_base64(self) -> "Raw":
        try:
            base64.b64decode(self.body_base64 or "", validate=True)
        except binascii.Error as error:
            raise ValueError("body_base64 is not base64") from error
        return self

    @property
    def content(self) -> bytes:
        """The body, once."""
        return self.body.encode() if self.body_base64 is None else base64.b64decode(self.body_base64)


class Fault(Form):
    """What goes wrong. Fields combine: a delay, then a status; pieces with a delay each, then a cut.

    Attributes:
        delay_s: Seconds before the first byte.
        slow_first_token_s: Seconds between the answer's head and its first piece (not streamed: its body).
        hang: No byte at all, until the client goes away.
        status: Answer this HTTP status, with `body` (any JSON or text; default: the dialect's envelope) and `headers`.
        headers: Take the place of usual ones of the same name, on any answer.
        raw: Exactly this answer, whatever else is set but `delay_s`.
        chunk_delay_s: Seconds before each piece of the text.
        cut_stream_after: Drop the connection after so many pieces; without streaming, after half the body.
        hang_after: Send so many pieces, then nothing until the client goes away.
        stream_error: An error inside an answer of status 200.
        bad_json: A body, or one event of a stream, that is not JSON.
        refusal: True or a `Refusal`.
        blocked: The prompt itself is refused by a filter.
        wrong_usage: Tell the usage wrongly, or as the given object.
        empty: An empty text.
        answer: This text.
        answer_json: This JSON, as text.
        repeat_bytes: A text of so many bytes, whatever `max_tokens` says.
        preset: A named wrong behaviour of `presets.py`.
        reasoning: Think before speaking, or think this.
        tool_call: Call this tool; with `answer`, after saying that.
        finish_reason: End with this reason: one of OpenAI's, in the dialect's words, or any other as it is.
    """

    delay_s: float = Field(default=0.0, ge=0, le=3600)
    slow_first_token_s: float = Field(default=0.0, ge=0, le=3600)
    hang: bool = False
    status: int | None = Field(default=None, ge=200, le=599)
    body: Any = None
    headers: dict[str, str] = {}
    raw: Raw | None = None
    chunk_delay_s: float = Field(default=0.0, ge=0, le=3600)
    cut_stream_after: int | None = Field(default=None, ge=0)
    hang_after: int | None = Field(default=None, ge=0)
    stream_error: StreamError | None = None
    bad_json: bool = False
    refusal: bool | Refusal = False
    blocked: bool = False
    wrong_usage: WrongUsage | dict[str, Any] | None = None
    empty: bool = False
    answer: str | None = None
    answer_json: Any = None
    repeat_bytes: int | None = Field(default=None, ge=0, le=MAX_BYTES)
    preset: str | None = None
    reasoning: bool | str = False
    tool_call: ToolCallFault | None = None
    finish_reason: str | None = None

    @property
    def waits(self) -> bool:
        """Whether the answer takes time, so that the client may go away meanwhile."""
        waited = self.delay_s + self.slow_first_token_s + self.chunk_delay_s
        return self.hang or waited > 0 or self.hang_after is not None or self.raw is not None

    @property
    def answers(self) -> bool:
        """Whether the model is asked at all."""
        return self.status is None and self.raw is None

    def as_json(self) -> dict[str, Any]:
        """Return the fields that were set."""
        return self.model_dump(mode="json", exclude_unset=True)
