"""DTLS between two UDP ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tqdecrypt.endings import ConnectionEnd
from tqdecrypt.sip import Flow, parse_datagram
from tqdecrypt.tcp import End
from tqdecrypt.tls import DarkData, Plaintext, report_session
from tqdecrypt.tls.constants import ExtensionType
from tqdecrypt.tls.dtls import DtlsSession

if TYPE_CHECKING:
    from tqdecrypt.dispatch.dispatcher import Dispatcher

__all__ = ["DtlsConnection"]


class DtlsConnection:
    """DTLS between two UDP ends; SIP inside comes a message a record."""

    __slots__ = ("_dispatcher", "_flows", "_keyings_told", "_messages", "ends", "number", "session")

    def __init__(self, dispatcher: Dispatcher, ends: tuple[str, str]) -> None:
        self._dispatcher = dispatcher
        self.ends = ends
        self.number = dispatcher.next_session()
        secrets, budget = dispatcher.secrets, dispatcher.budget
        if dispatcher.watch is None:
            self.session = DtlsSession(secrets, self, ends=ends, budget=budget)
        else:
            self.session = dispatcher.watch.open_dtls(self.number, secrets, self, ends, budget)
        self._flows = (
            Flow(ends[0], ends[1], "TLS", "verified", self.number),
            Flow(ends[1], ends[0], "TLS", "verified", self.number),
        )
        self._messages = 0
        self._keyings_told = 0

    def receive(self, source: str, data: bytes, frame: int, time: int) -> None:
        """Take one datagram."""
        self.session.receive_datagram(self.ends.index(source), data, frame, time)

    def begins_anew(self, source: str, data: bytes) -> bool:
        """See :meth:`DtlsSession.begins_anew`."""
        return self.session.begins_anew(self.ends.index(source), data)

    def end(self, reason: End) -> None:
        """Nothing more comes."""
        self.session.give_up_missing()
        self._dispatcher.when_settled(self.session, lambda: self._report(reason))

    def _report(self, reason: End) -> None:
        self.session.finish()
        dispatcher = self._dispatcher
        report = report_session(
            self.session, self.number, self.ends, None, dispatcher.given, reason.value
        )
        report.messages = self._messages
        self.tell_keyings(at_end=True)
        dispatcher.observers.session_ended(self.number, self.session)
        if dispatcher.watch is not None:
            dispatcher.watch.ended(self.session, report)
        dispatcher.secrets.keep(self.session, report.client, report.server)
        if dispatcher.on_end is not None:
            dispatcher.on_end(
                ConnectionEnd(
                    client=report.client,
                    server=report.server,
                    stream=None,
                    session=self.number,
                    first_frame=report.first_frame,
                    last_frame=report.last_frame,
                    time=report.ended,
                    reason=reason,
                    secrets=dispatcher.secrets_of(self.session),
                )
            )
        self.session.let_go()
        dispatcher.session_ended(report)

    def tell_keyings(self, *, at_end: bool = False) -> None:
        """Tell whoever wants to know of handshakes that agree on SRTP, once the secrets are there.

        At the end it is told of those that stay without, too.
        """
        observers = self._dispatcher.observers.keying
        if not observers:
            return
        for exchange in self.session.exchanges[self._keyings_told :]:
            if exchange.master is None and not at_end:
                return
            self._keyings_told += 1
            answer = exchange.server_hello
            if answer is not None and ExtensionType.use_srtp in answer.extensions:
                client = self.session.client_side or 0
                for one in observers:
                    one.srtp_agreed(self.number, self.ends[client], self.ends[1 - client], exchange)

    def application_data(self, from_client: bool, records: Sequence[Plaintext]) -> None:
        """See :class:`~tqdecrypt.tls.Listener`."""
        self._dispatcher.show_plaintext(self.number, from_client, records)
        client_side = self.session.client_side or 0
        flow = self._flows[client_side if from_client else 1 - client_side]
        for data, frame, time in records:
            message = parse_datagram(data, flow, frame, time)
            if message is not None:
                self._messages += 1
                self._dispatcher.messages.append(message)

    def application_gap(self, from_client: bool) -> None:
        """See :class:`~tqdecrypt.tls.Listener`; datagrams stand for themselves."""

    def dark_data(self, side: int, records: Sequence[DarkData]) -> None:
        """See :class:`~tqdecrypt.tls.Listener`."""
        self._dispatcher.tell_dark_data(self.number, self.session, side, records)
