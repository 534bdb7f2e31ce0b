"""SIP messages in datagrams (RFC 3261 section 18.3)."""

from __future__ import annotations

from collections import Counter

from tqdecrypt.errors import Malformed
from tqdecrypt.sip.grammar import find_body, is_start_line
from tqdecrypt.sip.index import content_length, index_message
from tqdecrypt.sip.message import Flow, Message

__all__ = ["parse_datagram"]


def parse_datagram(
    data: bytes, flow: Flow, frame: int, time: int, counters: Counter[str] | None = None
) -> Message | None:
    """Return the message in a datagram, or ``None`` when there is none.

    Without Content-Length the body reaches to the end of the datagram; bytes behind the body are no
    part of the message.  A message that is longer than its datagram (which fragmentation or the
    snap length may have cut) is kept as far as it goes.

    :param counters: counts ``sip_keep_alives`` datagrams of line ends alone,
        ``sip_malformed_messages`` with a start line that means nothing, ``sip_truncated_messages``
        cut in header or body, ``sip_bad_content_length`` with one that is no number, and
        ``sip_trailing_bytes`` behind the body.
    """
    count: Counter[str] = Counter() if counters is None else counters
    if data[:1] in (b"\r", b"\n"):
        data = data.lstrip(b"\r\n")
        if not data:
            count["sip_keep_alives"] += 1
            return None
    line_end = data.find(b"\n")
    if line_end < 0 or not is_start_line(data[:line_end].removesuffix(b"\r")):
        return None
    body_start = find_body(data)
    if body_start < 0:
        count["sip_truncated_messages"] += 1
    else:
        length = content_length(data, 0, body_start)
        if length is not None:
            missing = body_start + length - len(data)
            if length < 0:
                count["sip_bad_content_length"] += 1
            elif missing > 0:
                count["sip_truncated_messages"] += 1
            elif missing < 0:
                count["sip_trailing_bytes"] -= missing
                data = data[:missing]
    try:
        return index_message(data, flow, frame, time)
    except Malformed:
        count["sip_malformed_messages"] += 1
        return None
