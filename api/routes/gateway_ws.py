"""Chats over a WebSocket: `/v1/chat/ws`."""

from fastapi import APIRouter
from starlette.websockets import WebSocket

from api.gateway.websocket import ChatSocket

router = APIRouter(prefix="/v1/chat", tags=["gateway"])


@router.websocket("/ws")
async def chat_socket(socket: WebSocket) -> None:
    """Make chats over one socket: frames in, frames out, as `docs/gateway.md` says."""
    await ChatSocket(socket, socket.app.state.parts).serve()
