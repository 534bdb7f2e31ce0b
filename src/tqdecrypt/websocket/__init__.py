"""WebSocket (RFC 6455) as it passes by: from the bytes of one direction to whole messages.

Each direction stands for itself: nothing that only the other one says is needed.
"""

from tqdecrypt.websocket.frames import FrameHeader, Opcode, pull_frame_header, unmask
from tqdecrypt.websocket.handshake import Upgrade, may_be_http, pull_upgrade
from tqdecrypt.websocket.stream import (
    MOST_MESSAGE,
    WebSocketMessage,
    WebSocketStream,
    begins_message,
)

__all__ = [
    "MOST_MESSAGE",
    "FrameHeader",
    "Opcode",
    "Upgrade",
    "WebSocketMessage",
    "WebSocketStream",
    "begins_message",
    "may_be_http",
    "pull_frame_header",
    "pull_upgrade",
    "unmask",
]
