"""What a call is made from, and what comes of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from domain.errors import ToolRefused
from domain.events import Event
from domain.tools import Action, ReadyCall
from services.storage import blobs, tool_journal
from services.storage.statements import Statements
from services.storage.tool_journal import Kept, OpenCall, ToolCallKey
from services.tools.client.answers import Answer, Progress

Conclude = Callable[[Kept, str], tuple[Event, ...]]


@dataclass(frozen=True)
class Assignment:
    """A call to make.

    Attributes:
        events: What goes into the log when the call is opened.
        again: A person says that a write that may have happened is to be made again.
        timeout_s: Bound on the call itself.
        conclude: Makes the events that go with the answer, from what is kept and the whole text.
        heard: Told the progress that the server tells.
    """

    key: ToolCallKey
    owner: str
    action: Action
    call: ReadyCall
    events: Sequence[Event] = ()
    again: bool = False
    timeout_s: float = 60.0
    conclude: Conclude = field(default=lambda _kept, _text: ())
    heard: Callable[[Progress], None] = field(default=lambda _progress: None)


@dataclass(frozen=True)
class Made:
    """The answer, stored; `text` is the whole of it."""

    kept: Kept
    text: str


async def keep(where: Statements, work: Assignment, call: OpenCall, answer: Answer, *, found: bool) -> Kept:
    """Store a call's answer with the events that go with it.

    Raises:
        ToolRefused: Somebody else closed the call; the answer must not be used.
    """
    made = blobs.portable(answer.text)
    kept = Kept(text=made.text, marks=answer.marks)
    events = work.conclude(kept, answer.text)
    if not await tool_journal.finish(where, call, kept, events, body=made.body, found=found):
        raise ToolRefused("another worker has taken this call over")
    return kept
