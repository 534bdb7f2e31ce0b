"""A SIP message as the index pass sees it."""

from __future__ import annotations

from typing import Literal

__all__ = ["LARGEST_STATUS", "Flow", "Integrity", "Message", "Transport"]

LARGEST_STATUS = 699
"""Whoever gets a response with a larger code drops it (RFC 4475 section 3.1.2.19): it changes no call."""

Transport = Literal["TLS", "TCP", "UDP", "WS", "WSS"]
Integrity = Literal["verified", "clear", "unverified"]


class Flow:
    """One direction of one connection: what all messages on it have in common."""

    __slots__ = (
        "destination",
        "from_opener",
        "integrity",
        "json_part",
        "mirrored_by",
        "session",
        "source",
        "stream",
        "transport",
    )

    def __init__(
        self,
        source: str,
        destination: str,
        transport: Transport,
        integrity: Integrity,
        session: int | None = None,
        *,
        mirrored_by: str | None = None,
        stream: int | None = None,
        from_opener: bool | None = None,
    ) -> None:
        self.source = source
        """``ip:port``, IPv6 in brackets."""
        self.destination = destination
        self.transport: Transport = transport
        self.integrity: Integrity = integrity
        """``verified``: the MAC or tag of every TLS record was; ``clear``: nothing to verify;
        ``unverified``: somebody says that it was so, in HEP."""
        self.session = session
        """Number of the TLS session, from 1; ``None`` for clear transports and what was mirrored."""
        self.mirrored_by = mirrored_by
        """Name or number of the capture agent that mirrored it (HEP); ``None``: it was captured."""
        self.stream = stream
        """Number of the TCP connection, from 1 among those with SIP or TLS; ``None`` for datagrams and what
        was mirrored."""
        self.from_opener = from_opener
        """Whether ``source`` opened that connection; ``None`` when it is not known."""
        self.json_part: str | None = None
        """The flow's part of a JSON line, kept by the writer that made it."""


class Message:
    """One SIP request or response with the fields that calls need.

    The index pass reads these fields only; ``raw`` is the message whole, for who wants more.
    Text is UTF-8; bytes that are not stand as backslash escapes.

    Slots without a constructor: the index pass sets each field once, and a call of ``__init__``
    with fifteen arguments would cost as much as finding three headers.
    """

    __slots__ = (
        "behind_gap",
        "body_start",
        "branch",
        "call_id",
        "cseq",
        "cseq_method",
        "flow",
        "frame",
        "from_",
        "method",
        "raw",
        "reason",
        "request_uri",
        "status",
        "time",
        "to",
    )

    raw: bytes
    """The message, start line to the end of the body."""
    body_start: int
    """Offset of the body in ``raw``; its length when there is none."""
    frame: int
    """Number of the packet that completed it, from 1."""
    time: int
    """When that packet was captured, in nanoseconds since 1970-01-01 UTC."""
    flow: Flow
    behind_gap: bool
    """Whether bytes of the stream are missing in front of it: it is the first message behind a gap."""
    method: str | None
    """``INVITE`` …; ``None`` for a response."""
    request_uri: str | None
    status: int | None
    """100 … 699 (or what a peer sends, up to ten digits); ``None`` for a request."""
    reason: str | None
    """Reason phrase of a response, often empty; ``None`` for a request."""
    call_id: str
    """Empty when the message has none."""
    cseq: int
    """Number of CSeq; 0 when there is no readable CSeq."""
    cseq_method: str
    """Method of CSeq; empty when there is no readable CSeq."""
    from_: bytes
    """Value of From: as it stands, with display name, URI and parameters; empty when missing."""
    to: bytes
    """Value of To: as it stands; empty when missing."""
    branch: str
    """The topmost Via's branch parameter; empty when there is none."""
