"""Capture files and pipes become blocks of packets: columns over one buffer."""

from tqdecrypt.capture.block import Buffer, Interface, PacketBlock
from tqdecrypt.capture.facts import CapturedSecrets
from tqdecrypt.capture.reader import CaptureReader, open_captures
from tqdecrypt.capture.source import IDLE

__all__ = [
    "IDLE",
    "Buffer",
    "CaptureReader",
    "CapturedSecrets",
    "Interface",
    "PacketBlock",
    "open_captures",
]
