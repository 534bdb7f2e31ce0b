"""Opens the SRTP and SRTCP of one direction of a call with the keys that may protect it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from tqdecrypt.media.srtp.keys import MasterKey
from tqdecrypt.media.srtp.library import load_library
from tqdecrypt.media.srtp.outcome import Opened, SourceReport, SrtpReport, judge
from tqdecrypt.media.srtp.suites import SrtpSuite, variants
from tqdecrypt.media.srtp.track import Track, TrialBudget, far, near

__all__ = ["MOST_KEYS", "MOST_SENDERS", "SrtpOpener"]

MOST_KEYS = 16
"""Keys that are tried for a direction: a call of an hour with a new key every four minutes.  The latest
stay."""
MOST_SENDERS = 256
"""Senders (SSRCs) that are followed at a time.  A call has a handful; each takes some 7 KB."""
_WORTH_A_SEARCH = frozenset(8**power for power in range(12))
"""Which packets in a row that stay dark get a search through all roll-over counters: 1st, 8th, 64th …"""
_NEAR_MISSES = 64
"""Packets in a row that stay dark and are worth a look around the last roll-over counter."""
_LONGEST = 0x10000
_FIRST_RTCP, _LAST_RTCP = 192, 223
"""What the second byte of RTCP is, and of RTP is not (RFC 5761 section 4)."""

_Pair = tuple[MasterKey, SrtpSuite]


class _Sender:
    """What is known of one SSRC's SRTP, or SRTCP."""

    __slots__ = ("current", "failed", "misses", "report", "tracks")

    def __init__(self, ssrc: int, rtcp: bool) -> None:
        self.report = SourceReport(ssrc, rtcp)
        self.tracks: dict[_Pair, Track] = {}
        self.current: Track | None = None
        """That of the key that opened the last packet."""
        self.misses = 0
        """Packets that nothing opened, since one was opened."""
        self.failed: list[int] = []
        """Positions in the present batch of packets that stayed dark."""


class SrtpOpener:
    """Opens packets of one direction in the order of their arrival.

    Nothing comes out that its tag does not prove, unless a key says UNAUTHENTICATED_SRTP.

    :param keys: what the sender of this direction may use.
    :param other_direction: what the other end uses, to tell a mix-up.
    :param budget: trials of roll-over counters; one of its own by default.
    :raises UsageError: when pylibsrtp is not installed.
    """

    def __init__(
        self,
        keys: Sequence[MasterKey],
        other_direction: Sequence[MasterKey] = (),
        *,
        budget: TrialBudget | None = None,
    ) -> None:
        self._library = load_library()
        self._given = list(keys)
        usable = [key for key in dict.fromkeys(keys) if key.unusable is None]
        self._unused = max(0, len(usable) - MOST_KEYS)
        usable = usable[self._unused :]
        # What proves comes first: where no tag is, anything opens.
        self._keys = sorted(usable, key=lambda key: not key.proves)
        own = {(key.suite_name, key.material) for key in keys}
        self._other = [
            key
            for key in dict.fromkeys(other_direction)
            if key.unusable is None and key.proves and (key.suite_name, key.material) not in own
        ][-MOST_KEYS:]
        self._budget = budget or TrialBudget()
        self._senders: dict[tuple[bool, bytes], _Sender] = {}
        self._strangers: dict[tuple[bool, bytes], None] = {}
        """Senders of which nothing was opened, the oldest first."""
        self._foreign = self._evicted = self._evicted_packets = 0
        self._pairs = self._paired(self._keys)
        self._other_pairs = self._paired(self._other)

    def receive(self, packets: Sequence[bytes], times: Sequence[int] = ()) -> Opened:
        """Open a batch; packets must be whole.

        :param times: of the packets, ns, if keys are bounded in time.
        """
        clear: list[bytes | None] = [None] * len(packets)
        unproven: list[int] = []
        repeated: list[int] = []
        opened = Opened(clear, unproven, repeated)
        senders = self._senders
        failing: dict[_Sender, None] = {}
        for position, packet in enumerate(packets):
            size = len(packet)
            if size < 8 or packet[0] >> 6 != 2 or size > _LONGEST:
                self._foreign += 1
                continue
            rtcp = _FIRST_RTCP <= packet[1] <= _LAST_RTCP
            if not rtcp and size < 12:
                self._foreign += 1
                continue
            name = rtcp, packet[4:8] if rtcp else packet[8:12]
            sender = senders.get(name) or self._new_sender(name)
            report = sender.report
            report.packets += 1
            track = sender.current
            if track is not None and (found := track.open(packet)) is not None:
                self._count(sender, track, position, opened)
                clear[position] = found
                continue
            time = times[position] if times else None
            clear[position] = self._find(sender, packet, position, time, opened)
            if clear[position] is None:
                sender.failed.append(position)
                failing[sender] = None
        for sender in failing:
            self._retry(sender, packets, opened)
        return opened

    def report(self) -> SrtpReport:
        """Return what became of the packets so far."""
        known = [sender.report for sender in self._senders.values()]
        media = [source for source in known if not source.rtcp]
        return SrtpReport(
            judge(media or known, self._given, known),
            tuple(known),
            self._foreign,
            self._evicted,
            self._evicted_packets,
            self._unused,
        )

    def report_on(self, ssrc: int) -> SrtpReport:
        """Return the report on one SSRC alone."""
        known = [one.report for one in self._senders.values() if one.report.ssrc == ssrc]
        media = [source for source in known if not source.rtcp]
        return SrtpReport(judge(media or known, self._given, known), tuple(known), 0, 0, 0, 0)

    def let_go(self) -> None:
        """Forget all but the reports: no more packets are to come."""
        for sender in self._senders.values():
            sender.tracks.clear()
            sender.current = None

    def _count(self, sender: _Sender, track: Track, position: int, opened: Opened) -> None:
        report, key = sender.report, track.key
        sender.misses = 0
        if track.again:
            report.repeated += 1
            opened.repeated.append(position)
        if key.proves or report.rtcp:
            report.authenticated += 1
        else:
            report.unproven += 1
            opened.unproven.append(position)
        if key.lifetime is not None and track.packets > key.lifetime:
            report.outlived = True

    def _find(
        self, sender: _Sender, packet: bytes, position: int, time: int | None, opened: Opened
    ) -> bytes | None:
        """Open a packet that the context at hand does not open."""
        report = sender.report
        sender.misses += 1
        if report.rtcp and _is_plain(packet):
            report.in_clear += 1
            return None
        pairs = self._pairs[report.rtcp]
        if all(len(packet) < key.shortest(suite, rtcp=report.rtcp) for key, suite in pairs):
            report.too_short += bool(pairs)
            return None
        known = sender.current.rollovers if sender.current is not None else None
        far_too = sender.misses in _WORTH_A_SEARCH
        around = near(known)
        if not far_too and sender.misses > _NEAR_MISSES:
            del around[1:]  # who sends without end what nothing opens must not cost without end
        tracks = self._in_order(sender, time)
        for track in tracks:
            found = track.open(packet) if track is not sender.current else None
            if found is None:
                found = track.search(packet, self._budget, around)
            if found is not None:
                return self._found(sender, track, position, found, opened)
        if not far_too:
            return None
        for track in tracks:
            found = track.search(packet, self._budget, far(known))
            if found is not None:
                return self._found(sender, track, position, found, opened)
            report.searches += not track.cut
            report.searches_cut += track.cut
        if not report.opened:
            self._try_other_direction(sender, packet)
        return None

    def _found(
        self, sender: _Sender, track: Track, position: int, clear: bytes, opened: Opened
    ) -> bytes:
        self._opened_by(sender, track)
        self._count(sender, track, position, opened)
        return clear

    def _opened_by(self, sender: _Sender, track: Track) -> None:
        report = sender.report
        if not sender.report.opened:
            report.first_rollovers = None if report.rtcp else track.rollovers
            self._strangers.pop((report.rtcp, report.ssrc.to_bytes(4, "big")), None)
        if track.key not in report.keys:
            report.keys.append(track.key)
        sender.current = track

    def _in_order(self, sender: _Sender, time: int | None) -> list[Track]:
        """Return a track for each key: first the one that was right, then those in use at the time."""
        current = sender.current

        def rank(track: Track) -> tuple[bool, bool, bool]:
            late = time is not None and not track.key.valid_at(time)
            return not track.key.proves, track is not current, late

        return sorted(self._tracks(sender), key=rank)

    def _tracks(self, sender: _Sender) -> list[Track]:
        if not sender.tracks:
            report = sender.report
            for key, suite in self._pairs[report.rtcp]:
                sender.tracks[key, suite] = Track(
                    self._library, key, suite, report.ssrc, rtcp=report.rtcp
                )
        return list(sender.tracks.values())

    def _try_other_direction(self, sender: _Sender, packet: bytes) -> None:
        """See whether the key of the other direction is right; nothing is opened with it."""
        report = sender.report
        for key, suite in self._other_pairs[report.rtcp]:
            track = Track(self._library, key, suite, report.ssrc, rtcp=report.rtcp)
            if track.search(packet, self._budget, chain(near(None), far(None))) is not None:
                report.other_direction += 1
                return

    def _retry(self, sender: _Sender, packets: Sequence[bytes], opened: Opened) -> None:
        """Open what came before its key, or its place, was found in the same batch."""
        failed, sender.failed = sender.failed, []
        if sender.misses >= len(failed):
            return  # nothing was opened behind them
        for position in failed:
            for track in sender.tracks.values():
                if not track.begun or not track.key.proves:
                    continue
                packet = packets[position]
                found = track.open(packet)
                if found is None:
                    found = track.search(packet, self._budget, near(track.rollovers))
                if found is not None:
                    opened.clear[position] = found
                    self._count(sender, track, position, opened)
                    break

    def _new_sender(self, name: tuple[bool, bytes]) -> _Sender:
        if len(self._senders) >= MOST_SENDERS:
            # Who sent nothing that opens goes first: SSRCs cost a sender nothing, tags do.
            oldest = next(iter(self._strangers), None) or next(iter(self._senders))
            self._strangers.pop(oldest, None)
            self._evicted += 1
            self._evicted_packets += self._senders.pop(oldest).report.packets
        sender = self._senders[name] = _Sender(int.from_bytes(name[1], "big"), name[0])
        self._strangers[name] = None
        return sender

    @staticmethod
    def _paired(keys: list[MasterKey]) -> tuple[list[_Pair], list[_Pair]]:
        """Return each key with what its suite may mean, for SRTP and for SRTCP."""
        rtp, rtcp = (
            [
                (key, variant)
                for key in keys
                if (suite := key.suite) is not None
                for variant in variants(suite, rtcp=kind)
            ]
            for kind in (False, True)
        )
        return rtp, rtcp


def _is_plain(packet: bytes) -> bool:
    """Return whether the packets of an RTCP compound fill it (RFC 3550 section 6.1).

    With protection, index and tag stand behind the last one, and all but the first are encrypted.  Only
    the type keeps an encrypted report with index 1 and a short tag from looking like a packet of two words.
    """
    place = 0
    while (
        place + 4 <= len(packet)
        and packet[place] >> 6 == 2
        and _FIRST_RTCP <= packet[place + 1] <= _LAST_RTCP
    ):
        place += 4 + 4 * int.from_bytes(packet[place + 2 : place + 4], "big")
    return place == len(packet)
