"""Rules about handshakes that are not there, failed, or came to no end."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tqdecrypt.tls.alerts import ADVICE
from tqdecrypt.tls.exchange import CLIENT, SERVER, Refusal
from tqdecrypt.tls.judging.case import LOSS_ADVICE, Case, Judgement, dark_bytes_text, seen_text
from tqdecrypt.tls.verdict import Side, Verdict

if TYPE_CHECKING:
    from tqdecrypt.keys import CertificateFacts

__all__ = ["damaged_handshake", "failed_handshake", "incomplete", "no_handshake"]


def no_handshake(case: Case) -> Judgement | None:
    """The connection was open before the capture was."""
    if case.exchange is not None:
        return None
    why = (
        f"The capture has {dark_bytes_text(case)} of this session but not its handshake: "
        f"the connection was open before frame {case.report.first_frame}."
    )
    if any(text.startswith("key log") for text in case.given):
        why += (
            " The key log cannot open it either: for TLS 1.2 a CLIENT_RANDOM line needs the "
            "server's random from the handshake, and no TLS 1.3 secret in it fits."
        )
    return Judgement(
        Verdict.HANDSHAKE_NOT_CAPTURED,
        why,
        (
            "Keep capturing until the connection is opened again, or make one end open it again "
            "(restart the trunk's TLS connection), with the capture running.",
            "Without the handshake no private key helps; a secrets store (--secrets-store) written "
            "while the handshake was captured does, next time.",
        ),
    )


def failed_handshake(case: Case) -> Judgement | None:
    """A fatal alert ended it before any data came."""
    fatal = [alert for alert in case.session.alerts if alert.fatal]
    if not fatal or case.report.client_bytes or case.report.server_bytes:
        return None
    alert = fatal[0]
    sender, other = ("client", "server") if alert.role == CLIENT else ("server", "client")
    advice = [ADVICE[alert.name].format(sender=sender, other=other)] if alert.name in ADVICE else []
    advice += _suspicions(case, alert.role)
    return Judgement(
        Verdict.HANDSHAKE_FAILED,
        f"The {sender} ended the handshake with the alert {alert.name} in frame {alert.frame}.",
        tuple(advice),
        # Who complains is mostly right: the other end's offer or certificate does not fit.
        Side.SERVER if alert.role == CLIENT else Side.CLIENT,
    )


def _suspicions(case: Case, role: int) -> list[str]:
    """Say what is visibly wrong with the certificate that *role* looked at."""
    exchange = case.exchange
    facts = exchange.certificates[1 - role] if exchange else None
    if exchange is None:
        return []
    found = []
    if facts is not None:
        moment = datetime.fromtimestamp(case.session.started / 1e9, UTC)
        if facts.not_after is not None and facts.not_after < moment:
            found.append(f"That certificate expired on {facts.not_after:%Y-%m-%d}.")
        if facts.not_before is not None and facts.not_before > moment:
            found.append(f"That certificate is not valid before {facts.not_before:%Y-%m-%d}.")
        name = case.report.sni
        if role == CLIENT and name and not _names(facts, name):
            found.append(
                f"The client asked for {name}, which the certificate does not name "
                f"({', '.join(facts.names[:6]) or 'no names'})."
            )
    elif role == SERVER and exchange.certificate_requested:
        found.append("The server asked for a client certificate, and the client sent none.")
    return found


def _names(facts: CertificateFacts, name: str) -> bool:
    """Return whether a certificate names *name* (RFC 6125 section 6.4: a wildcard is one label)."""
    wanted = name.lower().rstrip(".")
    above = "*." + wanted.partition(".")[2]
    return any(known.lower().rstrip(".") in (wanted, above) for known in facts.names)


def damaged_handshake(case: Case) -> Judgement | None:
    """Parts of it are missing that the secrets depend on."""
    exchange = case.exchange
    assert exchange is not None
    if exchange.openers is not None or not any(exchange.incomplete):
        return None
    if exchange.refusal in (Refusal.FORWARD_SECRECY, Refusal.TLS13, Refusal.UNSUPPORTED_SUITE):
        return None
    if any(reader.snapped for reader in case.session.readers):
        return Judgement(
            Verdict.SNAP_LENGTH,
            f"The capture cut packets off: {case.report.missing_bytes:,} bytes are missing, "
            f"handshake messages among them ({seen_text(exchange)}).",
            ("Capture whole packets (tcpdump -s 0).",),
        )
    bound = ""
    if exchange.extended_master_secret:
        bound = " With the extended master secret every byte of the handshake is needed."
    missing = f"{case.report.missing_bytes:,} bytes"
    return Judgement(
        Verdict.PACKETS_MISSING,
        f"{'Messages' if case.session.dtls else missing} of the handshake are not in the capture "
        f"({seen_text(exchange)}).{bound}",
        LOSS_ADVICE,
    )


def incomplete(case: Case) -> Judgement | None:
    """It did not get to its end, whatever the reason."""
    exchange = case.exchange
    assert exchange is not None
    roles = {name.partition(" ")[0] for name, _, _ in exchange.frames}
    if len(roles) == 1 and case.session.sides_seen in (1, 2):
        (role,) = roles
        return Judgement(
            Verdict.HANDSHAKE_INCOMPLETE,
            f"Only what the {role} sent is in the capture ({seen_text(exchange)}); both directions are "
            "needed for the keys.",
            (
                "Capture both directions: mirror both, or capture on the device itself "
                "(asymmetric routing and one-way mirrors show half a connection).",
            ),
        )
    return Judgement(
        Verdict.HANDSHAKE_INCOMPLETE,
        f"The handshake did not get to its end: {seen_text(exchange)}; the connection: "
        f"{case.how_ended}.",
        (
            _INCOMPLETE_ADVICE[exchange.server_hello is not None].format(
                client=case.report.client, server=case.report.server
            ),
        ),
    )


_INCOMPLETE_ADVICE = {
    False: "The server {server} did not answer the ClientHello in the capture: check that both "
    "directions are captured and that the server speaks TLS on this port.",
    True: "Check that the capture did not stop too early; else look at why {client} or {server} "
    "closed the connection.",
}
