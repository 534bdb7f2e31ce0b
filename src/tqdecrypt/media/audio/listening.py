"""Listens to some streams: picks their packets out of captures that are read once more, and hands them on.

Those in clear come with all the others (:meth:`Listener.receive`), those that were protected
from whoever opened them (:meth:`Listener.clear_packets`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence

from tqdecrypt.capture.block import PacketBlock
from tqdecrypt.errors import Malformed
from tqdecrypt.media.association import Assigned, CallMedia
from tqdecrypt.media.audio.packets import pull_payload
from tqdecrypt.media.audio.track import RtpPayload
from tqdecrypt.media.columns import classify
from tqdecrypt.media.picking import FIRST_RTCP, LAST_RTCP, StreamKey, StreamPicker, key_of
from tqdecrypt.media.srtp import DtlsTable
from tqdecrypt.media.srtp.decryption import SrtpDecryption, decrypt
from tqdecrypt.packet.transport import TransportColumns

__all__ = ["Listener", "Listening", "listen"]


class Listener:
    """Picks packets out.

    :param wanted: stream → channel that it is heard on.
    :param protected: those among them that somebody else opens.
    :param on_payload: told each payload with its channel, in the order of capture within a stream.
    :ivar cut: channel → packets left out, cut by the snap length.
    :ivar malformed: channel → packets left out that are no RTP.
    """

    def __init__(
        self,
        wanted: Mapping[StreamKey, int],
        on_payload: Callable[[int, RtpPayload], None],
        protected: Collection[StreamKey] = (),
    ) -> None:
        self.cut: Counter[int] = Counter()
        self.malformed: Counter[int] = Counter()
        self._wanted = wanted
        self._picker = StreamPicker(wanted.keys() - set(protected))
        self._on_payload = on_payload

    def receive(self, rows: TransportColumns, block: PacketBlock) -> None:
        """Take a block's datagrams: those in clear are handed on."""
        datagrams = classify(rows, block)
        for one in self._picker.rtp(datagrams, block):
            channel = self._wanted[one.key]
            if one.cut:
                self.cut[channel] += 1
            else:
                self._hand_on(channel, datagrams.payload(one.row), one.time)

    def clear_packets(
        self,
        stream: Assigned,
        packets: Sequence[bytes | None],
        frames: Sequence[int],
        times: Sequence[int],
        unproven: Collection[int],
    ) -> None:
        """See :class:`~tqdecrypt.media.srtp.decryption.ClearListener`."""
        channel = self._wanted.get(key_of(stream))
        if channel is None:
            return
        for packet, time in zip(packets, times, strict=True):
            if packet is not None and not FIRST_RTCP <= packet[1] <= LAST_RTCP:
                self._hand_on(channel, packet, time)

    def _hand_on(self, channel: int, packet: bytes, time: int) -> None:
        try:
            payload = pull_payload(packet, time)
        except Malformed:
            self.malformed[channel] += 1
            return
        self._on_payload(channel, payload)


def listen(
    captures: Sequence[str],
    listener: Listener,
    calls: Sequence[CallMedia],
    dtls: DtlsTable,
    *,
    on_progress: Callable[[int, int], None] | None = None,
) -> None:
    """Read *captures*, files that were read before, for *listener*; open what of *calls* is protected.

    What cannot be read was said when they were read for the first time.

    :raises UsageError: when there is something to open and pylibsrtp is not installed.
    """
    listening = Listening(listener, SrtpDecryption(calls, dtls, listener))
    decrypt(captures, listening, on_progress=on_progress)


class Listening:
    """A second reading that takes what is clear besides."""

    def __init__(self, listener: Listener, decryption: SrtpDecryption) -> None:
        self._listener = listener
        self._decryption = decryption

    def receive(self, rows: TransportColumns, block: PacketBlock) -> None:
        """See :class:`~tqdecrypt.media.srtp.decryption.SecondReading`."""
        self._listener.receive(rows, block)
        if self._decryption:
            self._decryption.receive(rows, block)

    def finish(self) -> None:
        """See :class:`~tqdecrypt.media.srtp.decryption.SecondReading`."""
        self._decryption.finish()
