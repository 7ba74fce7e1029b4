"""The pair of streams that a transport gives to the SDK: messages from the server, messages to it."""

from collections.abc import Callable

from mcp.shared._stream_protocols import ReadStream, WriteStream
from mcp.shared.message import SessionMessage

Streams = tuple[ReadStream[SessionMessage | Exception], WriteStream[SessionMessage]]

OnEnd = Callable[[BaseException], None]
"""Told why a transport ends, before it has cleaned up."""
