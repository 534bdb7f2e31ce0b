"""Delivers packets to a collector, whatever happens to it.

A thread of its own sends what a :class:`~tqdecrypt.export.backlog.Backlog` holds, in order, several
packets at a time; when the collector is away it tries again after :data:`FIRST_WAIT`, and each time twice
as long, up to :data:`LONGEST_WAIT`, give or take a half, so that many senders do not come at once.
"""

from __future__ import annotations

import random
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from time import monotonic, sleep

from tqdecrypt.export.backlog import Backlog
from tqdecrypt.export.carriers import STALL_TIMEOUT, Broken, Carrier, open_carrier
from tqdecrypt.network import Place

__all__ = ["Delivery"]

BATCH = 1 << 16
"""Bytes that are sent at a time: some fifty messages."""
FIRST_WAIT = 0.25
LONGEST_WAIT = 30.0
"""Seconds between two attempts to reach a collector."""
STOP_TIMEOUT = 2.0
"""Seconds that what is on its way has after Ctrl-C."""
IDLE = 0.1
"""Seconds between two looks at a connection on which nothing is sent."""


class Delivery:
    """Sends packets to one collector.

    :param backlog: what is to be sent; this delivery reads, settles and rewinds it.
    :param tls: for ``tls:`` places.
    :param most_a_second: packets; 0: as fast as it goes.
    :param resend: whether packets in doubt (see :mod:`~tqdecrypt.export.carriers`) are sent again.
    :param patient: whether :meth:`send` waits for room in the backlog, rather than drop the oldest packet.
    :param say: takes a sentence for the user, from another thread.
    :ivar delivered: packets that are delivered.
    :ivar counters: ``hep_packets_dropped`` for want of room while the collector was away;
        ``hep_packets_in_doubt`` of which it is not known whether they were read when a connection broke;
        ``hep_connections_broken``, and ``hep_collector_away`` how often it was not to be reached.
    """

    def __init__(
        self,
        place: Place,
        backlog: Backlog,
        *,
        tls: ssl.SSLContext | None = None,
        most_a_second: int = 0,
        resend: bool = True,
        patient: bool = True,
        say: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        self.delivered = 0
        self.counters: Counter[str] = Counter()
        self.trouble = ""
        """Why the collector does not answer; empty when it does."""
        self._place = place
        self._backlog = backlog
        self._tls = tls
        self._most_a_second = most_a_second
        self._resend = resend
        self._patient = patient
        self._say = say
        self._changed = threading.Condition()
        """Held to touch the backlog; notified when something was added, settled or is to end."""
        self._ending = False
        self._stopped = False
        self._failure: Exception | None = None
        self._next_send = 0.0
        self._settled = 0
        """Packets of the open connection that the backlog knows to be settled."""
        self._thread = threading.Thread(target=self._run, name="hep", daemon=True)
        self._thread.start()

    def send(self, packet: bytes, patience: float) -> None:
        """Add a packet.

        :param patience: seconds to wait for room, as long as nothing is delivered.
        :raises TimeoutError: when there was none for so long.
        """
        with self._changed:
            if self._patient:
                self._wait(lambda: self._backlog.has_room(len(packet)), patience)
            self._raise_failure()
            self.counters["hep_packets_dropped"] += self._backlog.append(packet)
            self._changed.notify_all()

    def finish(self, patience: float) -> bool:
        """Return whether everything was delivered.

        :param patience: seconds to wait as long as nothing is delivered.
        """
        with self._changed:
            self._ending = True
            self._changed.notify_all()
            try:
                self._wait(lambda: not self._backlog.pending, patience)
            except TimeoutError:
                return False
            finally:
                self._raise_failure()
            return True

    def close(self) -> None:
        """Stop; what is not delivered stays in the backlog, which is closed."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        self._thread.join()
        self._backlog.close()

    @property
    def pending(self) -> int:
        """Packets that are not delivered."""
        with self._changed:
            return self._backlog.pending

    def _wait(self, done: Callable[[], bool], patience: float) -> None:
        """Wait until *done*, or nothing was delivered for *patience* seconds."""
        delivered, deadline = self.delivered, monotonic() + patience
        while not done() and self._failure is None:
            self._changed.wait(0.2)  # short, so that Ctrl-C is heard
            if self.delivered != delivered:
                delivered, deadline = self.delivered, monotonic() + patience
            elif monotonic() > deadline:
                raise TimeoutError

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    # The thread --------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._deliver_always()
        except Exception as error:
            with self._changed:
                self._failure = error
                self._changed.notify_all()

    def _deliver_always(self) -> None:
        wait = FIRST_WAIT
        while not self._is_over():
            before = self.delivered
            try:
                carrier = open_carrier(self._place, self._tls)
            except OSError as error:
                trouble = _reason(error)
            else:
                try:
                    trouble = self._deliver(carrier)
                finally:
                    carrier.close()
            if self.delivered > before:
                wait = FIRST_WAIT
            with self._changed:
                self._backlog.rewind()
                if trouble and self._backlog.pending and not self._stopped:
                    self._is_away(trouble)
                    longest = wait * random.uniform(0.5, 1.5)  # noqa: S311 - no secret
                    self._changed.wait_for(lambda: self._stopped, longest)
            wait = min(2 * wait, LONGEST_WAIT)

    def _is_over(self) -> bool:
        """Wait until there is something to deliver; return whether there will never be."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._stopped or self._ending or self._backlog.pending > 0
            )
            return self._stopped or not self._backlog.pending

    def _deliver(self, carrier: Carrier) -> str:
        """Send until nothing is left at the end, or everything is to stop.

        :returns: why it ended before; empty when it did not.
        """
        try:
            while self._step(carrier):
                self._settle(carrier)
        except Broken as broken:
            self.counters["hep_connections_broken"] += 1
            self.counters["hep_packets_in_doubt"] += broken.doubtful
            self._settle(carrier, 0 if self._resend else broken.doubtful)
            return str(broken)
        finally:
            self._settled = 0
        return ""

    def _step(self, carrier: Carrier) -> bool:
        """Send what there is, or see what became of it; return whether there is more to do."""
        with self._changed:
            packets = () if self._stopped else self._backlog.read(BATCH)
            over = self._stopped or (self._ending and not packets)
        if packets:
            self._send(carrier, packets)
        elif over:
            carrier.finish(STOP_TIMEOUT if self._stopped else STALL_TIMEOUT)
            self._settle(carrier)
            return False
        elif carrier.unsettled:
            carrier.look(IDLE)
        else:
            carrier.look(0)
            with self._changed:
                self._changed.wait_for(self._has_something_to_do, IDLE)
        return True

    def _has_something_to_do(self) -> bool:
        return self._stopped or self._ending or self._backlog.pending > 0

    def _send(self, carrier: Carrier, packets: Sequence[bytes]) -> None:
        """Send packets, not faster than they may be."""
        if not self._most_a_second:
            carrier.send(packets)
            return
        size = max(self._most_a_second // 20, 1)
        for start in range(0, len(packets), size):
            part = packets[start : start + size]
            now = monotonic()
            self._next_send = max(self._next_send, now) + len(part) / self._most_a_second
            carrier.send(part)
            self._settle(carrier)
            if self._next_send > now:
                sleep(self._next_send - now)

    def _settle(self, carrier: Carrier, more: int = 0) -> None:
        """Tell the backlog what the carrier has settled since the last time, and *more*."""
        number = carrier.settled + more - self._settled
        if not number:
            return
        self._settled += number
        with self._changed:
            self._backlog.settle(number)
            self.delivered += number
            if self.trouble:
                self.trouble = ""
                self._say(f"{self._place} answers again.")
            self._changed.notify_all()

    def _is_away(self, trouble: str) -> None:
        self.counters["hep_collector_away"] += not self.trouble
        if not self.trouble:
            self._say(f"{self._place} is not to be reached ({trouble}); trying again.")
        self.trouble = trouble


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not to be trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or 'the handshake failed'}"
    if isinstance(error, TimeoutError):
        return "no answer"
    return error.strerror or str(error)
