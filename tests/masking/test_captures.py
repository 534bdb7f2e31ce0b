"""Masked captures: the same calls, legs and findings, and no number of the original."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest

import tqdecrypt
from calls.script import analyse, messages_of
from conftest import SHARED
from kit.capture import write_pcap
from kit.peers import tshark
from kit.signalling import over_udp
from tqdecrypt import Message
from tqdecrypt.example import example_path
from tqdecrypt.masking import Masker, Profile

CAPTURES = (
    *(
        "small",
        "many-conn",
        "v-mtls-gcm256-ems",
        "v-split300-aes128sha-none",
        "d-loss1-v-gcm128-none",
    ),
    *("d-dup-v-aes128sha-none", "d-reorder-v-gcm128-none", "resume-ticket"),
)


def findings_of(
    capture: Path | str, mask: str, **inputs: object
) -> tuple[Counter[str], Counter[str]]:
    """Return how often each finding was found, and how calls ended."""
    findings: Counter[str] = Counter()
    states: Counter[str] = Counter()
    results = tqdecrypt.read(capture, mask=mask, **inputs)  # type: ignore[arg-type]
    for result in results:
        if isinstance(result, tqdecrypt.Finding):
            findings[f"{result.severity} {result.name}"] += result.count
        elif isinstance(result, tqdecrypt.Call):
            states[result.state] += 1
        elif isinstance(result, tqdecrypt.Summary):
            assert result.mask == mask
            assert "messages_withheld_by_mask" not in result.counters
    return findings, states


@pytest.mark.shared
@pytest.mark.parametrize("name", CAPTURES)
def test_findings_are_the_same(name: str) -> None:
    capture = SHARED / "captures" / f"{name}.pcap"
    keys = {"keys": SHARED / "captures" / "keys" / "server.key"}
    found = findings_of(capture, "none", **keys)
    assert sum(found[1].values()) > 0
    assert findings_of(capture, "people", **keys) == found
    assert findings_of(capture, "keys", **keys) == found


def test_findings_of_the_example_are_the_same() -> None:
    with ExitStack() as stack:
        capture = stack.enter_context(example_path("calls.pcap"))
        inputs = {
            "keys": stack.enter_context(example_path("server.key")),
            "keylogs": stack.enter_context(example_path("ecdhe.keylog")),
        }
        found = findings_of(capture, "none", **inputs)
        assert found[0]
        assert findings_of(capture, "people", **inputs) == found


@pytest.mark.shared
@pytest.mark.parametrize("name", ["sip-proxy.pcap", "b2bua-asterisk.pcapng", "sip-register.pcap"])
def test_captures_of_others(name: str) -> None:
    capture = SHARED / "corpus" / "sip" / "sipnab" / name
    assert findings_of(capture, "people") == findings_of(capture, "none")


LEGS = {
    "numbers": """
        alice -> edge: INVITE 1 id=in-1 from=i1 caller=02079460100 | uri sip:00442079460123@edge
        edge -> bob: INVITE 1 id=out-1 from=o1 caller=+442079460100 | uri sip:+442079460123@bob
    """,
    "tel": """
        alice -> edge: INVITE 1 id=in-1 from=i1 caller=02079460100 | uri tel:+44-20-7946-0123
        edge -> bob: INVITE 1 id=out-1 from=o1 caller=442079460100 | uri sip:442079460123@bob
    """,
    "names": """
        alice -> edge: INVITE 1 id=in-1 from=i1 caller=Alice | uri sip:bob.quux@edge
        edge -> bob: INVITE 1 id=out-1 from=o1 caller=alice | uri sip:Bob.Quux@bob
    """,
    "session-id": """
        alice -> edge: INVITE 1 id=in-1 from=i1 | Session-ID: ab30317f1a784dc48ff824d0d3715d86
        edge -> bob: INVITE 1 id=out-1 from=o1 | Session-ID: ab30317f1a784dc48ff824d0d3715d86
    """,
    "icid": """
        alice -> edge: INVITE 1 id=in-1 from=i1 | P-Charging-Vector: icid-value=4420794601.x
        edge -> bob: INVITE 1 id=out-1 from=o1 | P-Charging-Vector: icid-value=4420794601.x;orig-ioi=h
    """,
    "call-id in a header": """
        alice -> edge: INVITE 1 id=alice.77@edge from=i1
        edge -> bob: INVITE 1 id=out-1 from=o1 | X-Other-Leg: alice.77@edge
    """,
    "replaces": """
        alice -> edge: INVITE 1 id=4420794601@edge from=i1
        edge -> bob: INVITE 1 id=out-1 from=o1 | Replaces: 4420794601@edge;to-tag=b1;from-tag=i1
    """,
    "not joined": """
        alice -> edge: INVITE 1 id=in-1 from=i1 caller=02079460100 | uri sip:00442079460123@edge
        edge -> bob: INVITE 1 id=out-1 from=o1 caller=+442079460100 | uri sip:+442079460124@bob
    """,
}
ENDS = """
    bob -> edge: 486 INVITE 1 id=out-1 from=o1
    edge -> alice: 486 INVITE 1 id={inward} from=i1
"""


def joins_of(messages: list[Message]) -> list[tuple[list[str], int]]:
    """Return why legs of calls were joined, and how many there are."""
    calls = analyse(messages, correlation_headers=("X-Other-Leg",)).calls
    return [
        ([f"{join.reason} {join.confidence}" for join in call.joins], len(call.legs))
        for call in calls
    ]


@pytest.mark.parametrize("why", LEGS)
def test_legs_join_by_whatever_they_joined(why: str) -> None:
    inward = LEGS[why].partition("id=")[2].split()[0]
    messages, _ = messages_of(LEGS[why] + ENDS.format(inward=inward))
    masker = Masker(Profile.PEOPLE)
    masked = [found for found in map(masker.message, messages) if found is not None]
    found = joins_of(messages)
    assert sorted(size for _, size in found) == ([1, 1] if why == "not joined" else [2])
    assert joins_of(masked) == found


@pytest.mark.peer("tshark")
def test_wireshark_reads_masked_messages_as_it_read_them(tmp_path: Path) -> None:
    with ExitStack() as stack:
        capture = stack.enter_context(example_path("calls.pcap"))
        key = stack.enter_context(example_path("server.key"))
        seen = {}
        for mask in ("none", "people"):
            results = tqdecrypt.read(capture, keys=key, mask=mask)
            messages = [one for one in results if isinstance(one, Message)]
            path = write_pcap(tmp_path / f"{mask}.pcap", over_udp(messages))
            told = (
                "-T",
                "fields",
                "-e",
                "sip.Method",
                "-e",
                "sip.Status-Code",
                "-e",
                "sip.CSeq.seq",
            )
            malformed = ("-e", "_ws.malformed", "-e", "sdp.media.port", "-e", "sip.Content-Length")
            decode = ("-d", "udp.port==5061,sip", "-Y", "sip", *told, *malformed)
            seen[mask] = tshark(path, *decode)
        assert seen["none"].count("INVITE") >= 6
        assert seen["people"] == seen["none"]
