"""Records the sessions of :mod:`fuzz.material`, and makes the seeds of the corpus from them.

cd tests && python -m fuzz.record
"""

from __future__ import annotations

from fuzz.corpus import write_seeds
from fuzz.material import FOLDER, Session
from kit import Switch, TlsPair, Version, certificates

KINDS: dict[str, tuple[Version, str, Switch, bool]] = {
    "gcm": (Version.TLSv1_2, "AES128-GCM-SHA256", Switch(0), False),
    "cbc": (Version.TLSv1_2, "AES128-SHA", Switch.NO_ENCRYPT_THEN_MAC, True),
    "cbc-etm": (Version.TLSv1_2, "AES256-SHA256", Switch(0), False),
    "tls10": (Version.TLSv1, "AES128-SHA", Switch.NO_EXTENDED_MASTER_SECRET, False),
    "chacha": (Version.TLSv1_2, "ECDHE-RSA-CHACHA20-POLY1305", Switch(0), False),
    "null": (Version.TLSv1_2, "NULL-SHA", Switch(0), False),
    "tls13": (Version.TLSv1_3, "", Switch(0), False),
}
"""Version, suite, switches, mutual TLS."""

REQUEST = b"OPTIONS sip:sip.example.com SIP/2.0\r\nCSeq: %d OPTIONS\r\nContent-Length: 0\r\n\r\n"
ANSWER = b"SIP/2.0 200 OK\r\nCSeq: %d OPTIONS\r\nContent-Length: 0\r\n\r\n"


def record(name: str) -> Session:
    """Let OpenSSL talk to itself."""
    version, suite, switches, mutual = KINDS[name]
    suites = {"ciphers": suite} if suite else {}
    pair = TlsPair(version=version, options=switches, mutual=mutual, **suites)  # type: ignore[arg-type]
    said = [b"", b""]
    for number in range(3):
        for side, text in enumerate((REQUEST % number, ANSWER % number)):
            said[side] += text
            pair.say(side == 0, text)
    pair.close()
    sent = tuple((0 if flight.from_client else 1, flight.data) for flight in pair.flights)
    keylog = tuple(pair.keylog_lines) if name in ("chacha", "tls13") else ()
    return Session(name, (said[0], said[1]), keylog, sent)


def main() -> None:
    """Write everything."""
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "server.key").write_bytes(certificates.server().key_pem())
    for name in KINDS:
        (FOLDER / f"{name}.txt").write_text(record(name).text())
    write_seeds()


if __name__ == "__main__":
    main()
