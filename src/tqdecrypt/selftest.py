"""Proof on site: a TLS SIP call for every suite that this machine's OpenSSL negotiates, decrypted.

The calls never touch a network: OpenSSL shakes hands with itself through memory
(:class:`ssl.MemoryBIO`), with throw-away keys.  What both ends said is compared with what the passive
side reads out of the records: with the server's RSA key where the key exchange is RSA, with the
session's secrets elsewhere.
"""

from __future__ import annotations

import dataclasses
import json
import os
import ssl
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tqdecrypt.keys import KeyLog, KeyRing, PrivateKey, load_private_keys
from tqdecrypt.sip import Flow, Message, StreamFramer
from tqdecrypt.tls import DarkData, Plaintext, SecretFinder, TlsSession, report_session

__all__ = ["Trial", "run_trials"]

_CALL = (
    (True, "INVITE sip:bob@example.com SIP/2.0", "INVITE", b"v=0\r\n"),
    (False, "SIP/2.0 100 Trying", "INVITE", b""),
    (False, "SIP/2.0 180 Ringing", "INVITE", b""),
    (False, "SIP/2.0 200 OK", "INVITE", b"v=0\r\n"),
    (True, "ACK sip:bob@example.com SIP/2.0", "ACK", b""),
    (True, "BYE sip:bob@example.com SIP/2.0", "BYE", b""),
    (False, "SIP/2.0 200 OK", "BYE", b""),
)

_VERSIONS = {
    "TLSv1": ssl.TLSVersion.TLSv1,
    "TLSv1.1": ssl.TLSVersion.TLSv1_1,
    "TLSv1.2": ssl.TLSVersion.TLSv1_2,
    "TLSv1.3": ssl.TLSVersion.TLSv1_3,
}


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of one suite."""

    version: str
    """``TLS 1.2``; ``TLSv1.2`` when nothing could be negotiated."""
    suite: str
    """IANA name; OpenSSL's when nothing could be negotiated."""
    secrets: str
    """``RSA key`` or ``session secrets``."""
    messages: int
    """SIP messages read by the passive side."""
    passed: bool
    """Whether both directions came out exactly as they were said, with Finished verified."""
    why: str
    """The verdict's sentence, or what OpenSSL said."""


def run_trials() -> Iterator[Trial]:
    """Yield one trial for each version and suite that OpenSSL offers here."""
    with _quiet(), tempfile.TemporaryDirectory(prefix="tqdecrypt-") as name:
        directory = Path(name)
        identities = _make_identities(directory)
        for version, ciphers in _offers():
            for cipher in ciphers:
                if version == "TLSv1.3":
                    trial: Trial | None = _try_elsewhere(cipher, directory)
                else:
                    trial = _try(version, cipher, identities, directory)
                if trial is not None:
                    yield trial


def _try_elsewhere(cipher: str, directory: Path) -> Trial:
    """Try a TLS 1.3 suite in a process of its own.

    Python's ssl cannot choose among them, but OpenSSL's configuration can, once a process.
    """
    configuration = directory / "openssl.cnf"
    configuration.write_text(
        "openssl_conf = start\n[start]\nssl_conf = ssl\n[ssl]\nsystem_default = suites\n"
        f"[suites]\nCiphersuites = {cipher}\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", "from tqdecrypt.selftest import main13; main13()"],
        env={**os.environ, "OPENSSL_CONF": str(configuration)},
        capture_output=True,
        check=False,
        timeout=60,
    )
    try:
        trial = Trial(**json.loads(done.stdout))
    except ValueError:
        why = f"its process ended with status {done.returncode}"
        return Trial("TLS 1.3", cipher, "session secrets", 0, passed=False, why=why)
    if trial.suite == cipher:
        return trial
    why = f"OpenSSL negotiated {trial.suite} instead"
    return dataclasses.replace(trial, suite=cipher, passed=False, why=why)


def main13() -> None:
    """Make the TLS 1.3 call of :func:`_try_elsewhere`'s process; print the trial as JSON."""
    with _quiet(), tempfile.TemporaryDirectory(prefix="tqdecrypt-") as name:
        directory = Path(name)
        trial = _try("TLSv1.3", "TLS_", _make_identities(directory), directory)
    assert trial is not None
    print(json.dumps(dataclasses.asdict(trial)))


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old versions are deprecated; that is why they are tried
        yield


def _offers() -> Iterator[tuple[str, list[str]]]:
    """Yield the TLS versions and OpenSSL's names of the suites for each."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("ALL:COMPLEMENTOFALL:!aNULL:!PSK:!SRP:@SECLEVEL=0")
    known = context.get_ciphers()
    names13 = [c["name"] for c in known if c["protocol"] == "TLSv1.3"]
    older = [c["name"] for c in known if c["protocol"] in ("TLSv1.0", "SSLv3", "TLSv1")]
    newer = [c["name"] for c in known if c["protocol"] != "TLSv1.3"]
    yield "TLSv1.3", names13
    yield "TLSv1.2", newer
    yield "TLSv1.1", older
    yield "TLSv1", older


class _Heard:
    """What the passive side reads."""

    def __init__(self) -> None:
        self.data = [bytearray(), bytearray()]
        flow = Flow("client", "server", "TLS", "verified")
        self._framers = (StreamFramer(flow), StreamFramer(flow))
        self.messages = 0

    def application_data(self, from_client: bool, records: Sequence[Plaintext]) -> None:
        side = 0 if from_client else 1
        found: list[Message] = []
        for data, _, _ in records:
            self.data[side] += data
        self._framers[side].receive_all(records, found)
        self.messages += len(found)

    def dark_data(self, side: int, records: Sequence[DarkData]) -> None:
        """See :class:`~tqdecrypt.tls.Listener`."""

    def application_gap(self, from_client: bool) -> None:
        """Nothing is missing here."""


def _try(
    version: str, cipher: str, identities: dict[str, PrivateKey], directory: Path
) -> Trial | None:
    """Make one call; ``None`` when the suite wants what is not tried here (another certificate)."""
    rsa_exchange = version != "TLSv1.3" and not cipher.startswith(("ECDHE-", "DHE-", "TLS_"))
    secrets = "RSA key" if rsa_exchange else "session secrets"
    identity = "ec" if "ECDSA" in cipher else "rsa"
    if "DSS" in cipher:
        return None
    log = directory / "secrets"
    log.write_bytes(b"")
    try:
        said, flights = _call(version, cipher, directory / identity, directory, log)
    except ssl.SSLError as error:
        reason = error.reason or str(error)
        return Trial(version, cipher, secrets, 0, passed=False, why=f"OpenSSL: {reason}")
    keylog = KeyLog()
    if not rsa_exchange:
        keylog.feed(log.read_bytes(), "selftest")
    heard = _Heard()
    session = TlsSession(SecretFinder(KeyRing(identities.values(), keylog)), heard)
    for number, (side, data) in enumerate(flights, 1):
        session.receive(side, data, [len(data)], [number], [number])
    session.finish()
    report = report_session(session, 1, ("client:1", "server:1"), 0)
    passed = (
        [bytes(d) for d in heard.data] == said
        and heard.messages == len(_CALL)
        and report.finished_verified is True
    )
    return Trial(
        report.version or version,
        report.cipher_suite or cipher,
        secrets,
        heard.messages,
        passed=passed,
        why=report.why,
    )


def _call(
    version: str, cipher: str, identity: Path, directory: Path, log: Path
) -> tuple[list[bytes], list[tuple[int, bytes]]]:
    """Shake hands and talk; return what each side said, and the flights that a wire would carry."""
    server = _context(ssl.PROTOCOL_TLS_SERVER, version, cipher)
    server.load_cert_chain(f"{identity}.pem")
    server.load_dh_params(str(directory / "dh.pem"))
    client = _context(ssl.PROTOCOL_TLS_CLIENT, version, cipher)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    client.keylog_filename = str(log)
    buffers = [ssl.MemoryBIO() for _ in range(4)]
    ends = (
        (client.wrap_bio(buffers[0], buffers[1]), buffers[1], buffers[2]),
        (server.wrap_bio(buffers[2], buffers[3], server_side=True), buffers[3], buffers[0]),
    )
    flights: list[tuple[int, bytes]] = []

    def carry(side: int) -> None:
        data = ends[side][1].read()
        if data:
            flights.append((side, data))
            ends[side][2].write(data)

    waiting = {0, 1}
    for _ in range(12):
        for side in sorted(waiting):
            try:
                ends[side][0].do_handshake()
                waiting.discard(side)
            except ssl.SSLWantReadError:
                pass
            finally:
                carry(side)
    said = [b"", b""]
    for from_client, first_line, method, body in _CALL:
        side = 0 if from_client else 1
        text = _message(first_line, method, body)
        ends[side][0].write(text)
        carry(side)
        said[side] += text
    return said, flights


def _context(protocol: int, version: str, cipher: str) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = context.maximum_version = _VERSIONS[version]
    if version != "TLSv1.3":
        context.set_ciphers(f"{cipher}:@SECLEVEL=0")
    return context


def _message(first_line: str, method: str, body: bytes) -> bytes:
    return (
        f"{first_line}\r\nVia: SIP/2.0/TLS client.example.com;branch=z9hG4bKselftest{method}\r\n"
        "From: <sip:alice@example.com>;tag=a\r\nTo: <sip:bob@example.com>\r\n"
        f"Call-ID: selftest@example.com\r\nCSeq: 1 {method}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def _make_identities(directory: Path) -> dict[str, PrivateKey]:
    """Make throw-away keys and certificates in *directory*."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    (directory / "dh.pem").write_text(_FFDHE2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "selftest.example.com")])
    now = datetime.now(UTC)
    keys: dict[str, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey] = {
        "rsa": rsa.generate_private_key(65537, 2048),
        "ec": ec.generate_private_key(ec.SECP256R1()),
    }
    loaded = {}
    for kind, key in keys.items():
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .sign(key, hashes.SHA256())
        )
        path = directory / f"{kind}.pem"
        path.touch(0o600)
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        loaded[kind] = load_private_keys([str(path)]).keys[0]
    return loaded


_FFDHE2048 = """-----BEGIN DH PARAMETERS-----
MIIBCAKCAQEA//////////+t+FRYortKmq/cViAnPTzx2LnFg84tNpWp4TZBFGQz
+8yTnc4kmz75fS/jY2MMddj2gbICrsRhetPfHtXV/WVhJDP1H18GbtCFY2VVPe0a
87VXE15/V8k1mE8McODmi3fipona8+/och3xWKE2rec1MKzKT0g6eXq8CrGCsyT7
YdEIqUuyyOP7uWrat2DX9GgdT0Kj3jlN9K5W7edjcrsZCwenyO4KbXCeAvzhzffi
7MA0BM0oNC9hkXL+nOmFg/+OTxIy7vKBg8P+OxtMb61zO7X8vC7CIAXFjvGDfRaD
ssbzSibBsu/6iGtCOGEoXJf//////////wIBAg==
-----END DH PARAMETERS-----
"""
"""The group ffdhe2048 (RFC 7919 appendix A.1)."""
