"""One sender's packets under one key: the contexts of libsrtp that open them, and the search for places.

libsrtp is made for an end of the call: it opens each packet once, guesses the roll-over counter from the
packets before (RFC 3711 section 3.3.1), and begins at zero.  A capture holds packets twice, begins in the
middle, and goes on behind a loss of any length.  So there are up to :data:`MOST_CONTEXTS` contexts under
each key: what the first refuses as a replay, the next one opens, which has not seen it.  And where none
knows the place, a fresh one is put to one roll-over counter after the other; the tag says which is right.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tqdecrypt.media.srtp.counter_mode import CounterModeContext
from tqdecrypt.media.srtp.keys import MasterKey
from tqdecrypt.media.srtp.library import REPLAYED, TOO_OLD, Context, Library
from tqdecrypt.media.srtp.suites import AES_CM_192, SrtpSuite

__all__ = ["MOST_ROLLOVERS", "Track", "TrialBudget", "far", "near"]

MOST_ROLLOVERS = 4096
"""Roll-over counters that are tried: 62 days at 50 packets a second, three at a thousand."""
NEAR = 8
"""Roll-over counters that are tried around the one that is known: a loss of four hours at 50 packets a
second."""
MOST_CONTEXTS = 4
"""A packet captured at four places comes four times."""

AnyContext = Context | CounterModeContext


class TrialBudget:
    """How many trials of roll-over counters are left; one takes a microsecond or two.

    Who sends packets that nothing opens must not make us search without end.
    """

    __slots__ = ("left",)

    def __init__(self, trials: int = 1 << 16) -> None:
        self.left = trials

    def spend(self) -> bool:
        """Take one trial; return whether there was one."""
        self.left -= 1
        return self.left >= 0


class Track:
    """The SRTP or the SRTCP of one SSRC under one key."""

    __slots__ = (
        "_behind",
        "_contexts",
        "_library",
        "_rtcp",
        "_shortest",
        "_spares",
        "_ssrc",
        "_suite",
        "again",
        "cut",
        "key",
        "packets",
    )

    def __init__(
        self, library: Library, key: MasterKey, suite: SrtpSuite, ssrc: int, *, rtcp: bool
    ) -> None:
        self._library = library
        self.key = key
        self._suite = suite
        self._ssrc = ssrc
        self._rtcp = rtcp
        self._shortest = key.shortest(suite, rtcp=rtcp)
        # Of packets whose E flag says encrypted, and of those where it does not; SRTP has no flag.
        self._contexts: tuple[list[AnyContext], list[AnyContext]] = ([], [])
        self._spares: list[AnyContext | None] = [None, None]
        self.packets = 0
        """Opened so far, each once."""
        self.again = False
        """Whether the last packet that was opened had come before."""
        self._behind = False
        """Whether a context knows the last packet, or later ones that it came too late for."""
        self.cut = False
        """Whether the last search ended for want of trials."""

    @property
    def begun(self) -> bool:
        """Whether a packet was opened."""
        return self.packets > 0

    @property
    def rollovers(self) -> int:
        """The roll-over counter that is known last; 0 while none is."""
        contexts = self._contexts[1]
        return contexts[0].rollovers if contexts and not self._rtcp else 0

    def open(self, packet: bytes) -> bytes | None:
        """Return the clear packet if a context knows its place."""
        bare = self._bare(packet)
        if bare is None:
            return None
        self.again = self._behind = False
        contexts = self._contexts[self._encrypted(bare)]
        for number, context in enumerate(contexts):
            clear = context.open(bare)
            if clear is not None:
                self.packets += not self.again
                if number and not self._behind:  # the sender began anew, or there are two
                    contexts.insert(0, contexts.pop(number))
                return clear
            self.again = self.again or context.status == REPLAYED
            self._behind = self._behind or context.status in (REPLAYED, TOO_OLD)
        return None

    def search(self, packet: bytes, budget: TrialBudget, places: Iterable[int]) -> bytes | None:
        """Return the clear packet if one of these roll-over counters is right for it.

        To be called when :meth:`open` returned ``None`` for the same packet.
        """
        self.cut = False
        bare = self._bare(packet)
        if bare is None:
            return None
        encrypted = self._encrypted(bare)
        context = self._spares[encrypted] or self._context(encrypted)
        self._spares[encrypted] = context
        # SRTCP carries its index, and where nothing proves a place there is none to look for.
        for number, rollovers in enumerate(places if self.key.proves and not self._rtcp else (0,)):
            if number and not budget.spend():  # the first one always goes
                self.cut = True
                return None
            context.place(rollovers)
            clear = context.open(bare)
            if clear is not None:
                self._keep(context, encrypted)
                return clear
        return None

    def _keep(self, context: AnyContext, encrypted: bool) -> None:
        self._spares[encrypted] = None
        contexts = self._contexts[encrypted]
        self.packets += not self.again
        contexts.insert(int(self._behind), context)
        del contexts[MOST_CONTEXTS:]

    def _bare(self, packet: bytes) -> bytes | None:
        bare = packet
        if self.key.mki:
            without = self.key.without_mki(packet, self._suite, rtcp=self._rtcp)
            if without is None:
                return None
            bare = without
        return bare if len(bare) >= self._shortest else None

    def _encrypted(self, bare: bytes) -> bool:
        return not self._rtcp or self.key.says_encrypted(bare, self._suite)

    def _context(self, encrypted: bool) -> AnyContext:
        if self._suite.cipher == AES_CM_192:
            hidden = encrypted if self._rtcp else not self.key.unencrypted_rtp
            return CounterModeContext(self.key, self._suite, rtcp=self._rtcp, encrypted=hidden)
        policy, material = self._library.policy(self.key, self._suite, encrypted_rtcp=encrypted)
        context = Context(self._library, policy, self._ssrc, rtcp=self._rtcp)
        del material  # the library copied it
        return context


def near(rollovers: int | None) -> list[int]:
    """Return the roll-over counters to try first, where the last one known is *rollovers*."""
    middle = rollovers or 0
    around = [middle]
    for distance in range(1, NEAR + 1):
        around.append(middle + distance)
        if distance <= middle:
            around.append(middle - distance)
    if middle > NEAR:
        around.append(0)  # the sender began anew
    return around


def far(rollovers: int | None) -> Iterator[int]:
    """Yield all the others that are tried."""
    tried = frozenset(near(rollovers))
    return (place for place in range(MOST_ROLLOVERS) if place not in tried)
