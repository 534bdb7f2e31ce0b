"""What was captured: files, interfaces, packets, times, keys, hosts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tqdecrypt.views.hosts import HostsTable
from tqdecrypt.views.markup import Markup, element, joined
from tqdecrypt.views.opening import spell_time
from tqdecrypt.views.summary import size
from tqdecrypt.views.words import count, date_of, time_of_day

if TYPE_CHECKING:
    from tqdecrypt.capture import Interface
    from tqdecrypt.pipeline import Summary

__all__ = ["CaptureFile", "captured"]

MOST_INTERFACES = 20
LINK_TYPES = {
    0: "BSD loopback",
    1: "Ethernet",
    9: "PPP",
    12: "raw IP",
    101: "raw IP",
    104: "Cisco HDLC",
    105: "IEEE 802.11",
    108: "OpenBSD loopback",
    113: "Linux cooked",
    228: "raw IPv4",
    229: "raw IPv6",
    276: "Linux cooked v2",
}
"""Names of the usual ones, of the tcpdump.org registry; others are told by number."""


@dataclass(frozen=True, slots=True)
class CaptureFile:
    """A capture that was read."""

    name: str
    size: int | None
    """In bytes; ``None`` of a pipe."""


def captured(
    summary: Summary, captures: Sequence[CaptureFile], given: Sequence[str], hosts: HostsTable
) -> Markup:
    """Return it as a fragment of a page.

    :param given: keys and secrets, one text each, without any secret.
    """
    files = [
        element(
            "li",
            f"{capture.name}" + ("" if capture.size is None else f", {size(capture.size)}"),
        )
        for capture in captures
    ]
    interfaces = [element("li", _interface(one)) for one in summary.interfaces[:MOST_INTERFACES]]
    left = len(summary.interfaces) - MOST_INTERFACES
    if left > 0:
        interfaces.append(element("li", f"and {count(left, 'more interface')}"))
    facts: list[tuple[str, Markup | str]] = [
        ("Captures", element("ul", *files)),
        ("Interfaces", element("ul", *interfaces) if interfaces else "none named"),
        ("Packets", f"{summary.packets:,} ({size(summary.bytes)})"),
    ]
    if summary.started is not None and summary.ended is not None:
        begin, end = summary.started, summary.ended
        facts += [
            ("First packet", f"{date_of(begin)} {time_of_day(begin, 6)}"),
            ("Last packet", f"{date_of(end)} {time_of_day(end, 6)}"),
            ("Duration", spell_time(end - begin)),
        ]
    facts.append(("SIP messages read", f"{summary.messages:,}"))
    facts.append(("Keys and secrets", ", ".join(given) or "none given"))
    return joined(
        [
            element(
                "dl",
                *(joined([element("dt", name), element("dd", value)]) for name, value in facts),
            ),
            hosts.html() if hosts else None,
        ]
    )


def _interface(interface: Interface) -> str:
    link = LINK_TYPES.get(interface.link_type, f"link type {interface.link_type}")
    snap = f", snap length {interface.snap_length:,}" if interface.snap_length else ""
    return f"{interface.name or 'unnamed'}: {link}{snap}"
