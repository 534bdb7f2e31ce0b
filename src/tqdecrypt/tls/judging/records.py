"""Rules about sessions whose secrets are known: what became of their records."""

from __future__ import annotations

from tqdecrypt.tls.constants import ExtensionType
from tqdecrypt.tls.exchange import Exchange
from tqdecrypt.tls.judging.case import LOSS_ADVICE, Case, Judgement, dark_bytes_text, suite_text
from tqdecrypt.tls.judging.refusals import wrong_secrets
from tqdecrypt.tls.record import RecordState
from tqdecrypt.tls.verdict import Side, Verdict

__all__ = ["opened"]


def opened(case: Case) -> Judgement | None:
    """The secrets are there: say whether they opened everything."""
    exchange, report, readers = case.exchange, case.report, case.session.readers
    assert exchange is not None
    if exchange.openers is None:
        return None
    one, other = readers
    bad = one.bad_records + other.bad_records
    dark = one.dark_bytes > 0 or other.dark_bytes > 0
    if one.overflowed or other.overflowed:
        return _given_up(case, exchange)
    if (bad or dark) and not case.session.opened:
        return wrong_secrets(case, exchange)
    if report.missing_bytes and any(reader.snapped for reader in readers):
        return Judgement(
            Verdict.SNAP_LENGTH,
            f"Decrypted with {exchange.secrets_from}, but the capture cut packets off: "
            f"{report.missing_bytes:,} bytes are missing.",
            ("Capture whole packets (tcpdump -s 0).",),
        )
    if report.missing_bytes:
        return Judgement(
            Verdict.PACKETS_MISSING,
            f"Decrypted with {exchange.secrets_from}, but {report.missing_bytes:,} bytes are not "
            "in the capture; the records that they belong to stay dark.",
            LOSS_ADVICE,
        )
    if bad:
        frames = ", ".join(map(str, case.session.failed_frames))
        return Judgement(
            Verdict.CORRUPT_RECORDS,
            f"Decrypted with {exchange.secrets_from}, but {bad} records did not verify "
            f"(frames {frames}) and are not shown.",
            ("Look for damaged packets or a middlebox that changes them.",),
        )
    if RecordState.DARK in (one.state, other.state) or _lacks_early_secret(case):
        return _dark_in_part(case, exchange)
    if exchange.picked_up is not None and dark:
        return Judgement(
            Verdict.PACKETS_MISSING,
            f"Picked up in mid-connection with {exchange.secrets_from}; {dark_bytes_text(case)} at its "
            "beginning need what came before the capture.",
            ("Start the capture before the connection is opened.",),
        )
    proof = ", Finished verified" if report.finished_verified else ""
    if exchange.picked_up is not None:
        proof = ", picked up in mid-connection, every record verified"
    return Judgement(
        Verdict.DECRYPTED,
        f"Decrypted with {exchange.secrets_from} ({suite_text(exchange)}{proof}).",
    )


def _given_up(case: Case, exchange: Exchange) -> Judgement:
    return Judgement(
        Verdict.EVICTED,
        f"Records waited for {exchange.secrets_from} longer than the memory for them lasts; "
        f"{dark_bytes_text(case)} were given up.",
        ("Read less at a time: fewer ports (--port) or a part of the capture.",),
    )


def _dark_in_part(case: Case, exchange: Exchange) -> Judgement:
    """One direction opened and the other did not, or not to its end."""
    lacking = [
        role
        for role, opener in zip(("client", "server"), exchange.openers or (), strict=False)
        if opener is None
    ]
    if _lacks_early_secret(case):
        lacking = ["client's early data"]
    if lacking:
        return Judgement(
            Verdict.TLS13,
            f"The secrets from {exchange.secrets_from} lack those of the {lacking[0]}: "
            f"{dark_bytes_text(case)} stayed dark.",
            ("Give a key log that has all secrets of the session (CLIENT_… and SERVER_… lines).",),
            Side.OBSERVER,
        )
    return Judgement(
        Verdict.CORRUPT_RECORDS,
        f"Decrypted with {exchange.secrets_from}, but one direction could not be read to its end: "
        f"{dark_bytes_text(case)} stayed dark.",
        ("Look for damaged packets or a middlebox that changes them.",),
    )


def _lacks_early_secret(case: Case) -> bool:
    """Return whether early data (RFC 8446 section 2.3) was accepted that no secret opens."""
    exchange = case.exchange
    return (
        exchange is not None
        and ExtensionType.early_data in exchange.encrypted_extensions
        and "CLIENT_EARLY_TRAFFIC_SECRET" not in exchange.traffic_secrets
        and case.report.client_encrypted_bytes > 0
    )
