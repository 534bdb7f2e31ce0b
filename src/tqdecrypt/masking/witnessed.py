"""A mask before which somebody sees what was captured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from tqdecrypt.masking.masker import Masker
from tqdecrypt.sip.message import Message

if TYPE_CHECKING:
    from tqdecrypt.tls.report import SessionReport

__all__ = ["Witnessed"]


class Witnessed:
    """Masks, and shows each message with what became of it: to whoever decides by what was captured.

    :param witness: told of every message that may be seen, as it was captured and as it is masked.
    """

    def __init__(self, masker: Masker, witness: Callable[[Message, Message], None]) -> None:
        self._masker = masker
        self._witness = witness

    @property
    def profile(self) -> str:
        """See :class:`Masker`."""
        return self._masker.profile

    @property
    def counters(self) -> Counter[str]:
        """See :class:`Masker`."""
        return self._masker.counters

    def message(self, message: Message) -> Message | None:
        """See :class:`Masker`."""
        masked = self._masker.message(message)
        if masked is not None:
            self._witness(message, masked)
        return masked

    def session(self, report: SessionReport) -> SessionReport:
        """See :class:`Masker`."""
        return self._masker.session(report)
