"""The only room that knows the order of the stages: from packets to calls.

One block at a time: packets are decoded as columns, TCP segments go through the connections to TLS
and SIP, UDP datagrams to SIP.  The messages that a block yields are put back into frame order and
given to the calls and to the sink.

RSA operations run in processes of their own while the next blocks are read; what comes behind a session that
still waits for its secrets is held back, so that the order stays true.

``reading`` goes through the blocks, ``run`` holds the stages and hands on, ``datagrams`` looks what UDP
brings, ``ordering`` holds messages until their turn, ``contracts`` is what others give, ``summary`` what they
get.
"""

from tqdecrypt.pipeline.contracts import (
    KeyLogSource,
    Mask,
    MediaSink,
    MessageSource,
    ReadOptions,
    Sink,
)
from tqdecrypt.pipeline.reading import patient_collector, read_by_block, read_captures
from tqdecrypt.pipeline.summary import Summary

__all__ = [
    "KeyLogSource",
    "Mask",
    "MediaSink",
    "MessageSource",
    "ReadOptions",
    "Sink",
    "Summary",
    "patient_collector",
    "read_by_block",
    "read_captures",
]
