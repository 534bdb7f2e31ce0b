"""What our engine makes of a conversation, and whether that is what the programs said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from matrix.features import FEATURES, Feature
from matrix.model import PSK_IDENTITY, PSK_KEY, Case, Place
from matrix.play import Conversation
from matrix.relay import Flights
from tqdecrypt.keys import KeyLog, KeyRing, PreSharedKey, load_private_keys
from tqdecrypt.tls import (
    DarkData,
    Plaintext,
    SecretFinder,
    SessionReport,
    TlsSession,
    Verdict,
    report_session,
)
from tqdecrypt.tls.dtls import DtlsSession

__all__ = ["Heard", "check", "hear", "secrets_of"]

ENDS = ("192.0.2.10:40000", "192.0.2.20:5061")


@dataclass(slots=True)
class Heard:
    """One connection as the engine heard it."""

    client: bytearray = field(default_factory=bytearray)
    server: bytearray = field(default_factory=bytearray)
    report: SessionReport | None = None

    def application_data(self, from_client: bool, records: Sequence[Plaintext]) -> None:
        for data, _, _ in records:
            (self.client if from_client else self.server).extend(data)

    def dark_data(self, side: int, records: Sequence[DarkData]) -> None:
        pass

    def application_gap(self, from_client: bool) -> None:
        raise AssertionError("nothing is missing here")


def hear(flights: Flights, finder: SecretFinder, *, dtls: bool) -> Heard:
    """Feed one connection to the engine."""
    heard = Heard()
    session = (DtlsSession if dtls else TlsSession)(finder, heard, ends=ENDS)
    for number, (from_client, data) in enumerate(flights, 1):
        side = 0 if from_client else 1
        if isinstance(session, DtlsSession):
            session.receive_datagram(side, data, number, number)
        else:
            session.receive(side, data, [len(data)], [number], [number])
    session.finish()
    heard.report = report_session(session, 1, ENDS, 0)
    return heard


def secrets_of(case: Case, place: Place) -> KeyRing:
    """Return what opens the case: the server's key or the pre-shared one, else one key log."""
    psks = []
    if case.has_psk:
        psks = [PreSharedKey(PSK_IDENTITY.encode(), bytes.fromhex(PSK_KEY))]
    if case.needs_keylog:
        keylog = KeyLog()
        for role in ("client", "server"):
            path = place.keylog(role)
            if path.exists() and path.stat().st_size:
                keylog.feed(path.read_bytes(), path.name)
                break
        assert len(keylog), "no end wrote a key log"
        return KeyRing(keylog=keylog, psks=psks)
    keys = [] if case.exchange == "PSK" else load_private_keys([str(place.key(case.identity))]).keys
    return KeyRing(keys, psks=psks)


def check(case: Case, conversation: Conversation, place: Place) -> list[SessionReport]:
    """Hold the engine to what was said; raise AssertionError where it differs."""
    finder = SecretFinder(secrets_of(case, place))
    connections = [flights for flights in conversation.connections if flights]
    assert len(connections) == len(conversation.said), "as many connections as conversations"
    reports = []
    for number, flights in enumerate(connections):
        heard = hear(flights, finder, dtls=case.dtls)
        assert heard.report is not None
        said = conversation.said[number]
        _check_report(case, heard.report, resumed=number > 0, silent=said == (b"", b""))
        assert bytes(heard.client) == said[0], f"what the client said: {heard.report.why}"
        assert bytes(heard.server) == said[1], f"what the server said: {heard.report.why}"
        _check_feature(case, flights)
        reports.append(heard.report)
    _check_dark(case, connections, place)
    return reports


def _check_report(case: Case, report: SessionReport, *, resumed: bool, silent: bool) -> None:
    feature = FEATURES.get(case.feature, Feature())
    assert report.cipher_suite == case.suite, report.why
    assert report.version == case.version, report.why
    assert report.verdict is Verdict.DECRYPTED or (silent and report.verdict is Verdict.NO_DATA), (
        f"{report.verdict.value}: {report.why}"
    )
    assert report.finished_verified is True, "Finished did not verify"
    assert report.handshakes == feature.handshakes
    assert not report.client_encrypted_bytes
    assert not report.server_encrypted_bytes
    if case.extended_master_secret is not None:
        assert report.extended_master_secret is case.extended_master_secret
    if case.encrypt_then_mac is not None:
        assert report.encrypt_then_mac is case.encrypt_then_mac
    if feature.mutual or (case.mutual and not resumed):
        assert report.mutual_tls is True
    if feature.handshakes == 1:  # what renegotiation resumes is up to the programs
        assert report.resumed == (case.resume if resumed else "no")


def _check_feature(case: Case, flights: Flights) -> None:
    """Look whether what was to happen did happen, as far as it shows on the wire."""
    feature = FEATURES.get(case.feature, Feature())
    data = b"".join(data for from_client, data in flights if not from_client)
    assert feature.contains in data, f"no sign of {case.feature}"
    while feature.largest is not None and data:
        length = int.from_bytes(data[3:5], "big")
        assert data[0] != 23 or length <= feature.largest, f"a record of {length:,} bytes"
        data = data[5 + length :]


def _check_dark(case: Case, connections: list[Flights], place: Place) -> None:
    """Without secrets nothing comes out, and the verdict says what is lacking."""
    finder = SecretFinder(KeyRing())
    for flights in connections:
        dark = hear(flights, finder, dtls=case.dtls)
        assert not dark.client
        assert not dark.server
        assert dark.report is not None
        assert dark.report.verdict in (_dark_verdict(case), Verdict.NO_DATA), dark.report.why
        if dark.report.verdict is Verdict.NO_DATA:
            assert flights is not connections[-1], "something was said"
    if case.resume in ("session id", "ticket") and not case.needs_keylog:
        alone = hear(connections[-1], SecretFinder(secrets_of(case, place)), dtls=case.dtls)
        assert alone.report is not None
        assert alone.report.verdict is Verdict.RESUMED_UNSEEN, alone.report.why
        assert not alone.client
        assert not alone.server


def _dark_verdict(case: Case) -> Verdict:
    if case.tls13:
        return Verdict.TLS13
    return Verdict.FORWARD_SECRECY if case.needs_keylog else Verdict.NO_MATCHING_KEY
