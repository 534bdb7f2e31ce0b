"""TCP: segments in columns become in-order bytes, gaps and ends, per connection and direction."""

from tqdecrypt.tcp.connection import Connection, End, Gap, GapCause, StreamHandler
from tqdecrypt.tcp.stream import Direction
from tqdecrypt.tcp.table import ConnectionTable

__all__ = [
    "Connection",
    "ConnectionTable",
    "Direction",
    "End",
    "Gap",
    "GapCause",
    "StreamHandler",
]
