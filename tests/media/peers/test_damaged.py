"""Loss and jitter put into finished captures: what is measured is what was put in, with SRTP as without."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from kit.capture import read_pcap, write_pcap
from kit.damage import Damage, apply, drop, duplicate, retime, rtp_at, rtp_of
from kit.packets import Packet
from kit.peers import tshark
from media.peers.conftest import Calls
from media.peers.recording import Heard, heard
from media.peers.test_trunk import key as trunk_key
from media.peers.test_trunk import stream as trunk_stream
from media.reference import Reference

pytestmark = pytest.mark.peer("baresip", "kamailio", "rtpengine", "dumpcap", "ip", "unshare")

MILLISECOND = 1_000_000
SPACING = 20 * MILLISECOND
FEWEST = 55
"""Packets that each stream has at least."""
JITTER = [(7 * n) % 13 + (9 if n % 11 == 5 else 0) for n in range(1000)]
"""Milliseconds by which packets come late: none passes another one."""

both_kinds = pytest.mark.parametrize("name", ["clear", "sdes"])


class Damaged:
    """A call of which one stream, the caller's, is damaged."""

    def __init__(self, calls: Calls, name: str, folder: Path) -> None:
        told = calls.told[name]
        self._keys = calls.key
        self._folder = folder
        self.ssrc: int = told["caller"]["ssrc"]
        self.source: str = told["caller"]["endpoint"]
        ssrcs = {told[side]["ssrc"] for side in ("caller", "callee")}
        self.packets = [one for one in read_pcap(calls.capture) if _belongs(one, ssrcs)]
        self.at = rtp_at(self.packets, self.ssrc)
        assert len(self.at) >= FEWEST
        self._written = 0
        self.path = folder / "0.pcap"

    def apply(self, *damages: Damage) -> None:
        """Damage the packets as they are now."""
        self.packets = apply(self.packets, *damages)
        self.at = rtp_at(self.packets, self.ssrc)
        self._written += 1
        self.path = self._folder / f"{self._written}.pcap"

    def even_out(self, late: Sequence[float] = ()) -> None:
        """Let the stream's packets come 20 ms apart, and as many milliseconds later as *late* says."""
        start = self.packets[self.at[0]].time_ns
        self.apply(
            retime(
                {
                    place: start + n * SPACING + round((late[n] if late else 0) * MILLISECOND)
                    for n, place in enumerate(self.at)
                }
            )
        )

    def heard(self, *switches: str) -> Heard:
        """What comes of it."""
        if not self.path.exists():
            write_pcap(self.path, self.packets, nanoseconds=True)
        return heard(self.path, *self._keys, *switches)

    def stream(self, *switches: str) -> dict[str, Any]:
        """What comes of the stream."""
        return self.heard(*switches).stream(self.source)

    def reference(self) -> Reference:
        """The stream as the RFCs count it, from the file."""
        reference = Reference()
        for place in self.at:
            data = rtp_of(self.packets[place])
            assert data is not None
            sequence, timestamp = int.from_bytes(data[2:4], "big"), int.from_bytes(data[4:8], "big")
            reference.receive(self.packets[place].time_ns, sequence, timestamp)
        return reference


def _belongs(packet: Packet, ssrcs: set[int]) -> bool:
    """Signalling, and the media of these."""
    rtp = rtp_of(packet)
    return packet.data[23] == 6 or (rtp is not None and int.from_bytes(rtp[8:12], "big") in ssrcs)


@pytest.fixture
def damaged(calls: Calls, tmp_path: Path) -> Callable[[str], Damaged]:
    return lambda name: Damaged(calls, name, tmp_path)


def all_open(stream: dict[str, Any]) -> bool:
    """Whether every packet is clear, or opened with proof."""
    if stream["srtp"] is None:
        return bool(stream["verdict"] == "clear")
    [rtp] = [source for source in stream["srtp"]["sources"] if not source["rtcp"]]
    return bool(stream["verdict"] == "decrypted" and rtp["authenticated"] == stream["packets"])


def tshark_row(path: Path, ssrc: int) -> dict[str, float]:
    """What ``-z rtp,streams`` says of a stream, told from headers alone."""
    table = tshark(path, "--enable-heuristic", "rtp_udp", "-q", "-z", "rtp,streams")
    [row] = [line.split() for line in table.splitlines() if f"0x{ssrc:08X}" in line]
    names = ("packets", "lost", "share", "least", "spacing", "most", "jitter_min", "jitter_mean")
    numbers = [cell.strip("()%") for cell in row[8:17]]
    return dict(zip((*names, "jitter_max"), map(float, numbers), strict=True))


@both_kinds
def test_bursts_and_gaps_are_those_worked_out_by_hand(
    damaged: Callable[[str], Damaged], name: str
) -> None:
    """10 to 12 and 20 lost: seven packets came between, fewer than 16, so one burst of 11 with 4 lost.
    19 came before 40, which is lost in the gap behind it."""
    call = damaged(name)
    before = call.stream()
    lost = [10, 11, 12, 20, 40]
    call.apply(drop([call.at[n] for n in lost]))
    after = call.stream()
    assert before["lost"] == 0
    assert (after["lost"], after["packets"]) == (5, before["packets"] - 5)
    assert after["expected"] == before["expected"]
    assert (after["lost_by_network"], after["lost_by_capture"]) == (5, 0)
    assert (after["bursts"], after["burst_lost"], after["burst_length"]) == (1, 4, 11)
    assert after["gap_lost"] == 1
    assert sum(piece["lost"] for piece in after["course"]) == 5
    reference = call.reference()
    assert (reference.lost, reference.bursts, reference.burst_lost) == (5, 1, 4)
    assert reference.gap_lost == 1
    assert all_open(after)
    assert after["mos"] < before["mos"]
    assert after["r"] < before["r"] - 5
    [finding] = [one for one in call.heard().findings if one["finding"] == "media-loss"]
    assert f"The callee did not get 5 of {before['packets']} packets" in finding["sentence"]


@both_kinds
def test_jitter_is_that_of_the_rfc(damaged: Callable[[str], Damaged], name: str) -> None:
    call = damaged(name)
    call.even_out()
    assert call.stream()["jitter_max_ms"] == 0.0
    call.even_out(JITTER)
    stream, reference = call.stream(), call.reference()
    assert stream["jitter_ms"] == pytest.approx(reference.jitter, abs=0.0006)
    assert stream["jitter_max_ms"] == pytest.approx(reference.jitter_max, abs=0.0006)
    mean = sum(reference.jitters) / len(reference.jitters)
    assert stream["jitter_mean_ms"] == pytest.approx(mean, abs=0.0006)
    assert reference.jitter_max > 3
    assert (stream["lost"], stream["reordered"]) == (0, 0)
    steps = [after - before for before, after in pairwise(JITTER[: len(call.at)])]
    assert stream["spacing_max_ms"] == 20 + max(steps)
    assert all_open(stream)


@pytest.mark.peer("tshark")
@both_kinds
def test_loss_and_jitter_are_those_of_tshark(damaged: Callable[[str], Damaged], name: str) -> None:
    call = damaged(name)
    call.even_out(JITTER)
    call.apply(drop([place for n, place in enumerate(call.at) if n % 9 in (3, 4)][:10]))
    stream = call.stream()
    theirs = tshark_row(call.path, call.ssrc)
    assert (theirs["packets"], theirs["lost"]) == (stream["packets"], stream["lost"])
    assert stream["lost"] == 10
    assert stream["jitter_max_ms"] == pytest.approx(theirs["jitter_max"], abs=0.002)
    assert stream["jitter_mean_ms"] == pytest.approx(theirs["jitter_mean"], abs=0.002)
    assert stream["spacing_max_ms"] == pytest.approx(theirs["most"], abs=0.002)
    assert stream["spacing_mean_ms"] == pytest.approx(theirs["spacing"], abs=0.002)


@both_kinds
def test_what_comes_twice_or_late_is_told(damaged: Callable[[str], Damaged], name: str) -> None:
    call = damaged(name)
    late = [0.0] * len(call.at)
    late[15], late[33] = 45.0, 25.0  # behind two, and behind one
    call.even_out(late)
    call.apply(duplicate(3 * MILLISECOND, [call.at[n] for n in (5, 6, 21)]))
    stream, reference = call.stream(), call.reference()
    assert (stream["duplicates"], stream["reordered"], stream["lost"]) == (3, 2, 0)
    assert (reference.duplicates, reference.reordered, reference.lost) == (3, 2, 0)
    assert stream["jitter_ms"] == pytest.approx(reference.jitter, abs=0.0006)
    assert stream["jitter_max_ms"] == pytest.approx(reference.jitter_max, abs=0.0006)
    assert all_open(stream)
    if name == "sdes":
        [rtp] = [source for source in stream["srtp"]["sources"] if not source["rtcp"]]
        assert rtp["repeated"] == 3


@both_kinds
def test_a_jitter_buffer_discards_what_comes_too_late_for_it(
    damaged: Callable[[str], Damaged], name: str
) -> None:
    call = damaged(name)
    late = [50.0 if n % 10 == 5 else 0.0 for n in range(len(call.at))]
    call.even_out(late)
    count = late.count(50.0)
    short, long = call.stream("--jitter-buffer", "40"), call.stream("--jitter-buffer", "60")
    assert short["jitter_buffer"]["discarded"] == short["jitter_buffer"]["missing"] == count
    assert long["jitter_buffer"]["discarded"] == long["jitter_buffer"]["missing"] == 0
    assert short["jitter_buffer"]["mos"] < long["jitter_buffer"]["mos"] <= long["mos"]


def test_what_the_capture_lost_is_told_from_what_the_network_lost(
    calls: Calls, tmp_path: Path
) -> None:
    """One lacks packets of all streams at a moment, the other one of one path."""
    packets = read_pcap(calls.capture)
    last = max(one.time_ns for one in packets if rtp_of(one) is not None)
    begin, end = last - 600 * MILLISECOND, last - 500 * MILLISECOND
    moment = [i for i, one in enumerate(packets) if begin < one.time_ns < end]
    everything = [i for i in moment if rtp_of(packets[i]) is not None]
    one_way = set(everything) & set(rtp_at(packets, calls.told["sdes"]["caller"]["ssrc"]))
    for gone, by in ((everything, "capture"), (one_way, "network")):
        path = write_pcap(tmp_path / f"{by}.pcap", apply(packets, drop(gone)), nanoseconds=True)
        streams = heard(path, *calls.key).streams
        lost = {one["source"]: one["lost"] for one in streams if one["lost"]}
        assert sum(lost.values()) == len(gone)
        assert {one["source"]: one[f"lost_by_{by}"] for one in streams if one["lost"]} == lost
        names = {one["finding"] for one in heard(path, *calls.key).findings}
        assert ("capture-loss" in names) is (by == "capture")
        assert ("media-loss" in names) is (by == "network")
        if by == "capture":
            assert len(lost) == len(streams)
        else:
            assert list(lost) == [calls.told["sdes"]["caller"]["endpoint"]]


SUITES = (
    *("AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"),
    *("AES_192_CM_HMAC_SHA1_80", "AEAD_AES_256_GCM"),
)


@pytest.mark.peer("ffmpeg")
@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize(
    ("gone", "late", "rollovers"),
    [
        pytest.param(range(20, 34), (), 0, id="lost on both sides"),
        pytest.param((), (25,), 0, id="swapped"),
        pytest.param(range(30), (), 1, id="begun behind it"),
    ],
)
def test_the_roll_over_counter_is_followed(
    trunk: Path,
    tmp_path: Path,
    suite: str,
    gone: Sequence[int],
    late: Sequence[int],
    rollovers: int,
) -> None:
    """The numbers begin anew behind the 26th packet: 65510 … 65535, 0 …"""
    packets = read_pcap(trunk / "trunk.pcap")
    was = trunk_stream(trunk, suite, "callee")
    ssrc = int(was["ssrc"], 16)
    at = rtp_at(packets, ssrc)
    packets = apply(packets, retime({at[n]: packets[at[n + 1]].time_ns + 1 for n in late}))
    at = rtp_at(packets, ssrc)
    packets = apply(packets, drop([at[n] for n in gone]))
    path = write_pcap(tmp_path / "damaged.pcap", packets, nanoseconds=True)
    stream = heard(path, *trunk_key(trunk)).stream(was["source"], was["destination"])
    inside = len(gone) if gone and gone[0] else 0
    assert (stream["packets"], stream["lost"]) == (60 - len(gone), inside)
    assert stream["reordered"] == len(late)
    assert all_open(stream)
    [rtp] = [source for source in stream["srtp"]["sources"] if not source["rtcp"]]
    assert rtp["rollovers_at_first"] == rollovers
