"""Registrations (RFC 3261 section 10): one binding, as one hop towards the registrar saw it."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from tqdecrypt.calls.call import SECOND, TIMER_B
from tqdecrypt.calls.delays import Delays
from tqdecrypt.calls.facts import seconds_of, short_uri
from tqdecrypt.calls.fields import fields_of, host_of, split_values
from tqdecrypt.calls.transaction import Response, Transaction
from tqdecrypt.sip.address import parameter
from tqdecrypt.sip.message import Message

__all__ = ["Lapse", "Refresh", "Registration", "RegistrationTable"]

MOST_REGISTRATIONS = 200_000
"""Registrations in the table, some two kilobytes each: the subscribers of an SBC."""
MOST_CONTACTS = 16
"""Contacts looked at in one message."""
MOST_KNOWN = 64
"""Contacts of one address-of-record that ``*`` takes away; clients behind NAT bring ever new ones."""
MOST_KEPT = 16
"""Refreshes, failures, timeouts and lapses kept of one registration."""
MOST_SESSIONS = 16
LATE = SECOND
"""A refresh that is later than this behind the end of the binding left a gap."""


class Refresh(NamedTuple):
    """A REGISTER that the registrar answered with 200.  Times in nanoseconds."""

    time: int
    """Of the 200."""
    frame: int
    granted: int | None
    """Seconds, as the 200 grants them to this Contact; ``None`` when it does not list it."""
    delay: int
    """From the REGISTER that was answered 200 to the 200: the Registration Request Delay of
    RFC 6076 section 4.1 when it is the attempt's only request."""
    whole_delay: int
    """The same from the first REGISTER of the attempt, challenges included."""
    challenges: int
    """401 and 407 met on the way."""


class Lapse(NamedTuple):
    """The binding ran out before it was refreshed."""

    time: int
    """When it ran out."""
    frame: int
    """Of the 200 that granted the time which ran out."""
    until: int | None
    """When it was bound again; ``None`` as far as the capture goes."""


class Registration:
    """One Contact of one address-of-record at one registrar.  Times in nanoseconds since 1970."""

    __slots__ = (
        "_begun",
        "_challenges",
        "_granted_frame",
        "_granted_time",
        "aor",
        "attempts",
        "call_id",
        "challenges",
        "contact",
        "delays",
        "deregistered",
        "deregistered_frame",
        "expires",
        "expires_asked",
        "expires_granted",
        "failures",
        "failures_dropped",
        "first_frame",
        "first_time",
        "intervals",
        "lapses",
        "last_frame",
        "last_time",
        "refreshes",
        "refreshes_dropped",
        "registrar",
        "sessions",
        "source",
        "superseded",
        "timeouts",
    )

    def __init__(
        self, aor: str, contact: str, source: str, registrar: str, time: int, frame: int
    ) -> None:
        self.aor = aor
        """Address-of-record: URI of To."""
        self.contact = contact
        """URI of Contact; empty for what was asked without one (a query of the bindings)."""
        self.source = source
        """``ip:port`` that sent the last REGISTER."""
        self.registrar = registrar
        """``ip:port`` that it was sent to."""
        self.call_id = ""
        """Of the last REGISTER."""
        self.first_time = time
        self.first_frame = frame
        self.last_time = time
        self.last_frame = frame
        self.attempts = 0
        """Attempts to bind, refresh or unbind: requests, less those that followed a challenge."""
        self.expires_asked: int | None = None
        """Seconds that the last REGISTER asked for; ``None`` when it left it to the registrar."""
        self.expires_granted: int | None = None
        """Seconds that the last 200 granted."""
        self.expires: int | None = None
        """When the binding runs out; ``None`` when there is none."""
        self.refreshes: tuple[Refresh, ...] = ()
        """The first 200 and the last ones."""
        self.refreshes_dropped = 0
        self.intervals = Delays()
        """From one 200 to the next."""
        self.delays = Delays()
        """:attr:`Refresh.delay` of all."""
        self.failures: tuple[Response, ...] = ()
        """Final responses of 300-699 that nobody met with credentials or a new interval (423)."""
        self.failures_dropped = 0
        self.timeouts: tuple[tuple[int, int], ...] = ()
        """(time, frame) of REGISTERs without a final response."""
        self.challenges = 0
        """401 and 407 in all."""
        self.deregistered: int | None = None
        """When the last 200 took the binding away; ``None`` while it is bound."""
        self.deregistered_frame: int | None = None
        self.superseded: int | None = None
        """When the same client registered another Contact in its place: same Call-ID (section
        10.2.4); then it runs out without harm."""
        self.lapses: tuple[Lapse, ...] = ()
        """When it ran out without being refreshed."""
        self.sessions: tuple[int, ...] = ()
        """Numbers of the TLS sessions that carried it, the last ones."""
        self._begun: int | None = None  # first request of the attempt that goes on
        self._challenges = 0  # met in that attempt
        self._granted_time: int | None = None
        self._granted_frame = 0

    def __repr__(self) -> str:
        return f"<registration of {self.aor} at {self.contact}, {self.attempts} attempts>"


class RegistrationTable:
    """Finds the registrations of each REGISTER.

    When the table is full, the registration that was silent for the longest is handed over.

    :ivar counters: ``registrations_evicted``.
    """

    def __init__(
        self,
        on_registration: Callable[[Registration], None] | None,
        counters: Counter[str],
        most_registrations: int = MOST_REGISTRATIONS,
    ) -> None:
        self.counters = counters
        self._on_registration = on_registration
        self._most = most_registrations
        self._table: OrderedDict[tuple[str, str, str], Registration] = OrderedDict()
        """By address-of-record, host of the registrar, and Contact."""
        self._contacts: dict[tuple[str, str], tuple[str, ...]] = {}
        """Contacts by address-of-record and host of the registrar."""

    def __len__(self) -> int:
        return len(self._table)

    def receive(
        self, message: Message, transaction: Transaction, response: Response | None
    ) -> None:
        """Take a REGISTER, or a response to one, that is no retransmission."""
        if response is None:
            self._receive_request(message, transaction)
        elif response.status >= 200 and isinstance(transaction.context, _Asked):
            asked = transaction.context
            for registration in asked.registrations:
                self._receive_final(registration, message, transaction, response, asked)

    def over(self, transaction: Transaction) -> None:
        """The transaction of a REGISTER is over."""
        if isinstance(transaction.context, _Asked) and transaction.final is None:
            for registration in transaction.context.registrations:
                if transaction.state.timed_out:
                    told = (transaction.started, transaction.frame)
                    registration.timeouts = (*registration.timeouts[-MOST_KEPT + 1 :], told)
                registration._begun = None
        transaction.context = None

    def finish(self, now: int) -> None:
        """End of input at capture time *now*: hand over all."""
        left = list(self._table.values())
        self._table.clear()
        self._contacts.clear()
        for registration in left:
            self._hand_over(registration, now)

    def _receive_request(self, message: Message, transaction: Transaction) -> None:
        fields = fields_of(message)
        aor = short_uri(message.to)
        registrar = host_of(message.flow.destination)
        header = seconds_of(fields.get(b"expires"))
        contacts = split_values(fields.get(b"contact", b""))[:MOST_CONTACTS]
        asked = _Asked()
        if contacts == [b"*"]:
            for contact in self._contacts.get((aor, registrar), ()):
                asked.add(self._find(aor, registrar, contact, message), header)
        for value in contacts:
            if value != b"*":
                own = seconds_of(parameter(value, b"expires"))
                registration = self._find(aor, registrar, short_uri(value), message)
                asked.add(registration, header if own is None else own)
        if not contacts:
            asked.add(self._find(aor, registrar, "", message), None)
        transaction.context = asked
        for registration, seconds in zip(asked.registrations, asked.expires, strict=True):
            _take_request(registration, message, seconds)
        self._supersede(aor, registrar, message, asked)

    def _find(self, aor: str, registrar: str, contact: str, message: Message) -> Registration:
        table = self._table
        key = aor, registrar, contact
        registration = table.get(key)
        if registration is not None:
            table.move_to_end(key)
            return registration
        if len(table) >= self._most:
            old_key, oldest = table.popitem(last=False)
            self._forget_contact(*old_key)
            self.counters["registrations_evicted"] += 1
            self._hand_over(oldest, message.time)
        flow = message.flow
        registration = table[key] = Registration(
            aor, contact, flow.source, flow.destination, message.time, message.frame
        )
        known = self._contacts.get((aor, registrar), ())
        self._contacts[aor, registrar] = (*known[-MOST_KNOWN + 1 :], contact)
        return registration

    def _forget_contact(self, aor: str, registrar: str, contact: str) -> None:
        left = tuple(at for at in self._contacts.get((aor, registrar), ()) if at != contact)
        if left:
            self._contacts[aor, registrar] = left
        else:
            self._contacts.pop((aor, registrar), None)

    def _supersede(self, aor: str, registrar: str, message: Message, asked: _Asked) -> None:
        """Mark the bindings that this client leaves behind for another Contact."""
        contacts = self._contacts.get((aor, registrar), ())
        if len(contacts) < 2 or not any(asked.expires):
            return
        for contact in contacts[-MOST_CONTACTS:]:
            other = self._table.get((aor, registrar, contact))
            if (
                other is not None
                and other not in asked.registrations
                and other.call_id == message.call_id
                and other.superseded is None
            ):
                other.superseded = message.time

    def _receive_final(
        self,
        registration: Registration,
        message: Message,
        transaction: Transaction,
        response: Response,
        asked: _Asked,
    ) -> None:
        registration.last_time, registration.last_frame = response.time, response.frame
        status = response.status
        if status in (401, 407):
            registration.challenges += 1
            registration._challenges += 1
        elif status < 300:
            _take_success(registration, message, transaction, response, asked)
            registration._begun = None
        elif status != 423:
            registration._begun = None
        if status >= 300 and status not in (401, 407, 423):
            if len(registration.failures) >= MOST_KEPT:
                registration.failures_dropped += 1
            registration.failures = (*registration.failures[-MOST_KEPT + 1 :], response)

    def _hand_over(self, registration: Registration, now: int) -> None:
        expires = registration.expires
        if expires is not None and now > expires + LATE and registration.superseded is None:
            _note_lapse(registration, expires, None)
        if self._on_registration is not None:
            self._on_registration(registration)


class _Asked:
    """What one REGISTER asks for, until it is answered."""

    __slots__ = ("expires", "registrations")

    def __init__(self) -> None:
        self.registrations: list[Registration] = []
        self.expires: list[int | None] = []

    def add(self, registration: Registration, expires: int | None) -> None:
        if registration not in self.registrations:
            self.registrations.append(registration)
            self.expires.append(expires)


def _take_request(registration: Registration, message: Message, seconds: int | None) -> None:
    flow = message.flow
    registration.source, registration.registrar = flow.source, flow.destination
    registration.call_id = message.call_id
    registration.last_time, registration.last_frame = message.time, message.frame
    registration.expires_asked = seconds
    begun = registration._begun
    if begun is None or message.time - begun > TIMER_B:
        registration.attempts += 1
        registration._begun = message.time
        registration._challenges = 0
    session = flow.session
    if session is not None and session not in registration.sessions:
        registration.sessions = (*registration.sessions[-MOST_SESSIONS + 1 :], session)


def _take_success(
    registration: Registration,
    message: Message,
    transaction: Transaction,
    response: Response,
    asked: _Asked,
) -> None:
    at = asked.registrations.index(registration)
    wanted = asked.expires[at]
    granted = _granted(registration, message, wanted, only=len(asked.registrations) == 1)
    begun = transaction.started if registration._begun is None else registration._begun
    refresh = Refresh(
        response.time,
        response.frame,
        granted,
        response.time - transaction.started,
        response.time - begun,
        registration._challenges,
    )
    registration.delays.add(refresh.delay)
    if len(registration.refreshes) >= MOST_KEPT:
        registration.refreshes_dropped += 1
        registration.refreshes = (registration.refreshes[0], *registration.refreshes[2:], refresh)
    else:
        registration.refreshes = (*registration.refreshes, refresh)
    if registration._granted_time is not None:
        registration.intervals.add(response.time - registration._granted_time)
    if registration.contact:
        _bind(registration, response, 0 if wanted == 0 else granted)


def _bind(registration: Registration, response: Response, granted: int | None) -> None:
    """The 200 binds the Contact for some seconds, or takes the binding away (section 10.3)."""
    before = registration.expires
    if before is not None and response.time > before + LATE:
        _note_lapse(registration, before, response.time)
    registration.expires_granted = granted
    if granted:
        registration.expires = response.time + granted * SECOND
        registration.deregistered = registration.deregistered_frame = None
        registration.superseded = None
        registration._granted_time = response.time
    else:
        registration.expires = None
        registration.deregistered = response.time
        registration.deregistered_frame = response.frame
        registration._granted_time = None
    registration._granted_frame = response.frame


def _granted(
    registration: Registration, message: Message, wanted: int | None, *, only: bool
) -> int | None:
    """Return the seconds that a 200 grants this Contact; 0 when others are listed, but not it.

    The registrar lists all bindings of the address-of-record, and may write the URI otherwise than
    the client did (parameters, NAT): the only one stands for the only one asked for.
    """
    fields = fields_of(message)
    header = seconds_of(fields.get(b"expires"))
    values = split_values(fields.get(b"contact", b""))
    uri = registration.contact
    bare = uri.partition(";")[0]
    same = [value for value in values if short_uri(value) == uri] or [
        value for value in values if short_uri(value).partition(";")[0] == bare
    ]
    if not same and only and len(values) == 1:
        same = values
    if same:
        own = seconds_of(parameter(same[0], b"expires"))
        return own if own is not None else header if header is not None else wanted
    if values:
        return 0
    return header if header is not None else wanted


def _note_lapse(registration: Registration, time: int, until: int | None) -> None:
    lapse = Lapse(time, registration._granted_frame, until)
    registration.lapses = (*registration.lapses[-MOST_KEPT + 1 :], lapse)
