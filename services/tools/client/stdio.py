"""MCP over a child process's stdin and stdout: a JSON-RPC message a line, each of bounded length."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
from anyio.streams.memory import MemoryObjectSendStream
from mcp.shared._context_streams import ContextReceiveStream, create_context_streams
from mcp.shared.message import SessionMessage
from mcp_types import PARSE_ERROR, ErrorData, JSONRPCError, JSONRPCMessage, jsonrpc_message_adapter
from pydantic import ValidationError

from domain.errors import ToolAnswerInvalid, ToolAnswerTooLarge, ToolUnavailable
from domain.hidden import strip_hidden
from services.tools.client.child import Child, Launch, running
from services.tools.client.errors import ANSWER_TOO_LARGE
from services.tools.client.exchange import of_sender
from services.tools.client.lines import Lines, Overlong, answered_id
from services.tools.client.masking import Mask
from services.tools.client.replies import repaired
from services.tools.client.streams import OnEnd, Streams

_CHUNK = 64 * 1024
_SAID_LIMIT = 3000
"""Characters of a dead process's last words that are told."""
_SKIPPED_LIMIT = 256 * 1024 * 1024
"""Bytes of overlong lines that are read and thrown away before the connection ends."""


@asynccontextmanager
async def stdio_streams(launch: Launch, line_limit: int, mask: Mask, on_end: OnEnd) -> AsyncGenerator[Streams]:
    """Run a server for the length of a block.

    Args:
        launch: What is started.
        line_limit: Bytes that a message may have.
        mask: Takes secrets out of what the process said last on stderr, which is in the error when it dies.
        on_end: Told of an error before the process is ended, which may take seconds.

    Raises:
        ToolUnavailable: The process cannot be started, or ended.
        ToolAnswerTooLarge: A line was over the limit, and does not tell which request it answers.
        ToolAnswerInvalid: A line was a broken message, and does not tell which request it answers.
    """
    async with running(launch) as child:
        to_us, incoming = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        outgoing, to_child = create_context_streams[SessionMessage](0)
        try:
            async with to_us, incoming, outgoing, to_child, anyio.create_task_group() as tasks:
                tasks.start_soon(child.listen)
                tasks.start_soon(_read, child, to_us, line_limit, mask)
                tasks.start_soon(_write, child, to_child, mask)
                yield incoming, outgoing
                tasks.cancel_scope.cancel()
        except ExceptionGroup as error:
            on_end(error)
            raise


async def _read(
    child: Child, to_us: MemoryObjectSendStream[SessionMessage | Exception], line_limit: int, mask: Mask
) -> None:
    lines, skipped = Lines(line_limit), 0
    while chunk := await child.stdout.read(_CHUNK):
        skipped += len(chunk) if lines.skipping else 0
        if skipped > _SKIPPED_LIMIT:
            raise ToolAnswerTooLarge("the server's answers do not end", may_have_happened=True)
        for line in lines.feed(chunk):
            message = _message(line)
            if message is not None:
                await to_us.send(SessionMessage(message))
    raise await _death(child, mask)


async def _write(child: Child, to_child: ContextReceiveStream[SessionMessage], mask: Mask) -> None:
    async for message in to_child:
        data = message.message.model_dump_json(by_alias=True, exclude_unset=True).encode(errors="replace")
        if not child.alive:
            raise await _death(child, mask)
        of_sender(to_child.last_context).handed = True
        try:
            child.stdin.write(data + b"\n")
            await child.stdin.drain()
        except OSError:
            raise await _death(child, mask) from None


async def _death(child: Child, mask: Mask) -> ToolUnavailable:
    """Return the error that tells how the process ended."""
    code = await child.ended()
    how = "closed its pipes" if code is None else f"ended with exit code {code}"
    said = mask(strip_hidden(child.said)[0]).strip()[-_SAID_LIMIT:]
    return ToolUnavailable(f"the server's process {how}" + (f": {said}" if said else ""), may_have_happened=True)


def _message(line: bytes | Overlong) -> JSONRPCMessage | None:
    """Return a line's message; an error in its place when it is too long or broken; None for noise."""
    if isinstance(line, Overlong):
        too_large = ToolAnswerTooLarge("the server's answer is over its limit", may_have_happened=True)
        return _in_its_place(line.head, ANSWER_TOO_LARGE, too_large)
    try:
        return jsonrpc_message_adapter.validate_json(repaired(line), by_name=False)
    except ValidationError:
        if b'"jsonrpc"' not in line:
            return None  # what a program prints beside the protocol
    broken = ToolAnswerInvalid("the server's answer is no JSON-RPC message", may_have_happened=True)
    return _in_its_place(line, PARSE_ERROR, broken)


def _in_its_place(line: bytes, code: int, error: ToolAnswerTooLarge | ToolAnswerInvalid) -> JSONRPCError:
    """Return an error for the request that a line answers; raise it for the connection when that is not known."""
    request_id = answered_id(line)
    if request_id is None:
        raise error
    return JSONRPCError(jsonrpc="2.0", id=request_id, error=ErrorData(code=code, message=str(error)))
