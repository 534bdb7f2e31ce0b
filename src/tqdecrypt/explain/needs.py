"""What would have been needed to open a session, beside what was there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tqdecrypt.explain.model import Need
from tqdecrypt.explain.reading import Round
from tqdecrypt.explain.resumption import issuer_of
from tqdecrypt.explain.suites import kind_of
from tqdecrypt.keys import CertificateFacts
from tqdecrypt.tls.constants import Version
from tqdecrypt.tls.exchange import CLIENT, SERVER, Exchange
from tqdecrypt.tls.recording import Recording
from tqdecrypt.tls.report import SessionReport
from tqdecrypt.tls.verdict import Verdict

__all__ = ["needs_of", "useless_for"]


@dataclass(frozen=True, slots=True)
class _Case:
    """A handshake, and what opened it if anything did."""

    recording: Recording
    round: Round
    exchange: Exchange
    origin: str
    """``RSA key server.key``, ``key log sbc.log`` …; empty when the session stayed dark."""

    def by(self, *beginnings: str) -> bool:
        """Return whether the secrets came from there."""
        return self.origin.startswith(beginnings)


def needs_of(
    report: SessionReport, recording: Recording, rounds: Sequence[Round]
) -> Iterator[Need]:
    """Yield each thing that alone opens the session, the likeliest first."""
    if report.verdict is Verdict.NOT_TLS:
        return
    one = _decisive(rounds)
    exchange = one.exchange if one is not None else None
    if one is None or exchange is None:
        yield from _without_handshake(report)
        return
    if one.server_hello is None or exchange.suite is None:
        return
    if one.version == Version.DTLS13 or exchange.suite.bulk is None:
        yield Need("nothing: this version or suite is not decrypted here, whatever there is")
        return
    opened = exchange.openers is not None and report.verdict is not Verdict.WRONG_SECRETS
    origin = (exchange.secrets_from or "") if opened else ""
    case = _Case(recording, one, exchange, origin)
    resumed = exchange.resumed_by is not None and not exchange.external_psk and not one.tls13
    needs = list(_NEEDS.get("resumed" if resumed else kind_of(exchange.suite), _of_unknown)(case))
    yield from needs
    if origin and not any(need.given for need in needs):
        yield Need(origin, given=True)


def _decisive(rounds: Sequence[Round]) -> Round | None:
    """Return the handshake on which it depends: the first that was refused, else the first of all."""
    for one in rounds:
        if one.exchange is not None and one.exchange.refusal is not None:
            return one
    answered = [one for one in rounds if one.server_hello is not None]
    return answered[0] if answered else (rounds[-1] if rounds else None)


def _without_handshake(report: SessionReport) -> Iterator[Need]:
    origin = report.secrets_from or ""
    yield Need(
        "a secrets store (--secrets-store FILE) that was written when this connection's handshake was "
        "captured",
        given=origin.startswith("secrets store"),
    )
    yield Need(
        "with TLS 1.3: the lines of this session in a key log (--keylog FILE)",
        given=origin.startswith("key log"),
    )


def _of_rsa(case: _Case) -> Iterator[Need]:
    certificate = _named(case.exchange.certificates[SERVER])
    whole = ""
    if case.exchange.extended_master_secret:
        whole = "; and every byte of the handshake, because of the extended master secret"
    yield Need(
        f"the private key of the server's certificate, {certificate} (-k FILE){whole}",
        given=case.by("RSA key"),
    )
    yield _keylog(case)


def _of_ephemeral(case: _Case) -> Iterator[Need]:
    yield _keylog(case)
    if case.by("static key"):
        yield Need(
            "the Diffie-Hellman key that the server uses again and again (-k FILE)", given=True
        )


def _of_tls13(case: _Case) -> Iterator[Need]:
    yield Need(
        "the lines of this session in a key log, written by either end while it shook hands (--keylog "
        "FILE): two for the handshake and two for what follows, all with this client random:",
        given=case.by("key log"),
        literally=_line("CLIENT_TRAFFIC_SECRET_0", case.exchange),
    )


def _of_resumed(case: _Case) -> Iterator[Need]:
    issuer = issuer_of(case.recording, case.round)
    if issuer is not None:
        yield Need(
            f"what opens session {issuer}, which this one takes up",
            given=case.by("RSA key", "static key", "pre-shared key"),
        )
    else:
        yield Need(
            "a capture that has the full handshake which this session goes back to, and what opens that"
        )
        yield Need(
            "a secrets store (--secrets-store FILE) that was written when that one was read",
            given=case.by("secrets store"),
        )
    yield _keylog(case)


def _of_psk(case: _Case) -> Iterator[Need]:
    suite = case.exchange.suite
    both = suite is not None and suite.key_exchange == "RSA_PSK"
    more = " and the private key of the server's certificate (-k FILE)" if both else ""
    yield Need(
        f"the pre-shared key of the identity that the client named (--psk IDENTITY:HEX){more}",
        given=case.by("pre-shared key", "RSA key"),
    )
    yield _keylog(case)


def _of_static(case: _Case) -> Iterator[Need]:
    certificate = _named(case.exchange.certificates[SERVER])
    yield Need(
        f"the private key of the server's certificate, {certificate} (-k FILE)",
        given=case.by("static key"),
    )
    yield _keylog(case)


def _of_unknown(case: _Case) -> Iterator[Need]:
    yield _keylog(case)


_NEEDS: dict[str, Callable[[_Case], Iterator[Need]]] = {
    "RSA": _of_rsa,
    "forward secret": _of_ephemeral,
    "TLS 1.3": _of_tls13,
    "resumed": _of_resumed,
    "PSK": _of_psk,
    "static": _of_static,
}


def useless_for(report: SessionReport, rounds: Sequence[Round]) -> Iterator[str]:
    """Yield what people try, and why it opens nothing here: one sentence each."""
    one = _decisive(rounds)
    exchange = one.exchange if one is not None else None
    if one is None or exchange is None or exchange.suite is None:
        return
    opened = exchange.openers is not None
    if not opened and exchange.resumed_by is not None:
        yield "The server's private key alone: it has no part in a handshake that takes up a session."
    elif not opened and exchange.suite.forward_secret:
        yield (
            "The server's private key, even the right one: in this handshake it signed, and encrypted "
            "nothing."
        )
    if exchange.certificates[CLIENT] is not None:
        yield "The client's private key: mutual TLS proves who the client is, and encrypts nothing."
    if exchange.refusal is not None:
        yield "Secrets of another session: each has its own, also between the same two ends."


def _keylog(case: _Case) -> Need:
    return Need(
        "the line of this session in a key log, written by either end while it shook hands (--keylog "
        "FILE); it begins:",
        given=case.by("key log"),
        literally=_line("CLIENT_RANDOM", case.exchange),
    )


def _line(label: str, exchange: Exchange) -> str:
    hello = exchange.client_hello
    return f"{label} {hello.random.hex()}" if hello is not None else ""


def _named(facts: CertificateFacts | None) -> str:
    if facts is None:
        return "which was not seen"
    size = f" {facts.key_size}" if facts.key_size else ""
    return f"{facts.subject or '(no subject)'} ({facts.key_kind}{size}, serial {facts.serial})"
