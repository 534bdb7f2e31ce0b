"""Which response belongs to which request, and what was sent again: as tshark sees it."""

from __future__ import annotations

import subprocess
from importlib import resources
from pathlib import Path

import pytest

from tqdecrypt.calls import Transaction, TransactionTable
from tqdecrypt.keys import KeyRing
from tqdecrypt.pipeline import ReadOptions, read_captures

from .script import Kept

CAPTURES = [
    "ndpi/sip.pcap",
    "sipnab/b2bua-asterisk.pcapng",
    "sipnab/codec-negotiation.pcap",
    "sipnab/register-invite-reinvite-bye.pcap",
    "sipnab/sip-488-codec-reject.pcapng",
    "sipnab/sip-over-tcp.pcap",
    "sipnab/sip-proxy.pcap",
    "sipnab/sip_call.pcap",
]


def of_tshark(path: Path) -> dict[int, tuple[int | None, bool]]:
    """Return for each frame of SIP the frame of its request, and whether it was sent again."""
    fields = ("frame.number", "sip.response-request", "sip.resend")
    command = ["tshark", "-r", str(path), "-Y", "sip", "-T", "fields", "-E", "separator=|"]
    for name in fields:
        command += ["-e", name]
    out = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    rows = [line.split("|") for line in out.splitlines()]
    return {
        int(frame): (int(request) if request else None, resend in ("1", "True"))
        for frame, request, resend in rows
    }


def compare(path: Path) -> int:
    """Hold our transactions against tshark's; return how many messages were compared."""
    sink = Kept()
    read_captures([str(path)], ReadOptions(KeyRing()), sink)
    table = TransactionTable()
    theirs = of_tshark(path)
    seen: dict[int, Transaction] = {}
    for message in sink.messages:
        transaction = table.receive(message)
        assert transaction is not None
        request, resent = theirs[message.frame]
        # It takes a response to INVITE for one to the CANCEL that was sent last, and neither a
        # CANCEL nor a 100 for one that was sent again.
        if message.cseq_method != "CANCEL" and message.status != 100:
            assert resent != table.fresh, message.frame
        if request is not None and request in seen and seen[request].method == transaction.method:
            assert transaction.frame == request, message.frame
        seen[message.frame] = transaction
    return len(sink.messages)


@pytest.mark.peer("tshark")
@pytest.mark.shared
@pytest.mark.parametrize("name", CAPTURES)
def test_captures_of_others(name: str, shared: Path) -> None:
    assert compare(shared / "corpus" / "sip" / name)


@pytest.mark.peer("tshark")
def test_the_example() -> None:
    """Its clear side."""
    with resources.as_file(resources.files("tqdecrypt.example") / "calls.pcap") as path:
        assert compare(path) == 27
