"""Idle sessions, put away small: an SBC holds tens of thousands of connections that say little.

A live session costs some 12 kB: cipher contexts, handshake facts, buffers.  A parked one is a few
hundred bytes: its facts pickled and compressed, its keys left to be derived again from the master
secret (TLS 1.3: from the traffic secrets).  What sessions share (suites, certificates, whoever listens)
is left out and put back in.

Not parked: sessions that wait for secrets, and those whose cipher goes on from record to record (RC4;
CBC before TLS 1.1), since there is more in the context than the keys.
"""

from __future__ import annotations

import io
import pickle
import zlib
from typing import TYPE_CHECKING

from tqdecrypt.keys import CertificateFacts
from tqdecrypt.tls.constants import Version
from tqdecrypt.tls.record import RecordState
from tqdecrypt.tls.suites import Protection, Suite, find_suite

if TYPE_CHECKING:
    from tqdecrypt.tls.contracts import Listener, SecretSource, WaitingBudget
    from tqdecrypt.tls.exchange import Exchange
    from tqdecrypt.tls.session import TlsSession
    from tqdecrypt.tls.watching import Watch

__all__ = ["Parking"]

MOST_CERTIFICATES = 4096
"""Certificates that are shared; the certificates of further peers are parked with their sessions."""


class Parking:
    """Parks sessions and brings them back."""

    def __init__(
        self, secrets: SecretSource, budget: WaitingBudget, watch: Watch | None = None
    ) -> None:
        self._secrets = secrets
        self._budget = budget
        self._watch = watch
        self._certificates: dict[str, CertificateFacts] = {}
        self._dictionary: bytes | None = None
        """The first session's pickle: the others say nearly the same (a preset zlib dictionary)."""

    def park(self, session: TlsSession) -> bytes | None:
        """Return *session* as bytes, not to be used otherwise; ``None`` when it has to stay.

        The bytes hold secrets.
        """
        if not _may_be_parked(session):
            return None
        sequences = []
        for exchange in session.exchanges:
            openers = exchange.openers or ()
            sequences.append(tuple(opener.sequence if opener else 0 for opener in openers))
            exchange.forget_key_exchange()
        stream = io.BytesIO()
        _Pickler(stream, self._certificates).dump((session, sequences))
        plain = stream.getvalue()
        if self._dictionary is None:
            self._dictionary = plain
        compress = zlib.compressobj(6, zlib.DEFLATED, -15, zdict=self._dictionary)
        return compress.compress(plain) + compress.flush()

    def wake(self, parked: bytes, listener: Listener) -> TlsSession:
        """Return the session that was parked."""
        assert self._dictionary is not None
        expand = zlib.decompressobj(wbits=-15, zdict=self._dictionary)
        plain = expand.decompress(parked)
        shared: dict[object, object] = {
            "secrets": self._secrets,
            "listener": listener,
            "budget": self._budget,
            "watch": self._watch,
            "opener": None,
        }
        session: TlsSession
        session, sequences = _Unpickler(io.BytesIO(plain), self._certificates, shared).load()
        session.restore_openers(sequences)
        return session


def _may_be_parked(session: TlsSession) -> bool:
    if session.awaits_secrets or session.dtls or not session.exchanges:
        return False
    settled = (RecordState.OPEN, RecordState.DARK)
    if any(reader.state not in settled or reader.inflater for reader in session.readers):
        return False
    if any(
        r.state is RecordState.OPEN and not session.follows_handshake(r) for r in session.readers
    ):
        return False
    return all(_derivable(exchange) for exchange in session.exchanges)


def _derivable(exchange: Exchange) -> bool:
    """Return whether the keys of *exchange* say everything that its openers know."""
    if exchange.openers is None:
        return True
    suite, version = exchange.suite, exchange.version
    if suite is None or suite.bulk is None or version is None:
        return False
    if version == Version.TLS13:
        return True
    chained = suite.bulk.protection is Protection.BLOCK and version < Version.TLS11
    return suite.bulk.protection is not Protection.STREAM and not chained


class _Pickler(pickle.Pickler):
    """Leaves out what sessions share."""

    def __init__(self, file: io.BytesIO, certificates: dict[str, CertificateFacts]) -> None:
        super().__init__(file, 5)
        self._certificates = certificates

    def persistent_id(self, obj: object) -> object:
        """Return what stands for a shared object; ``None``: pickle it."""
        token = getattr(obj, "shared_as", None)
        if isinstance(token, str):
            return token
        if isinstance(obj, Suite):
            return ("suite", obj.number)
        if isinstance(obj, CertificateFacts):
            known = self._certificates
            if obj.fingerprint_sha256 not in known:
                if len(known) >= MOST_CERTIFICATES:
                    return None
                known[obj.fingerprint_sha256] = obj
            return ("certificate", obj.fingerprint_sha256)
        return None


class _Unpickler(pickle.Unpickler):
    """Puts it back in.  Only ever reads what :class:`_Pickler` wrote in the same process."""

    def __init__(
        self,
        file: io.BytesIO,
        certificates: dict[str, CertificateFacts],
        shared: dict[object, object],
    ) -> None:
        super().__init__(file)
        self._certificates = certificates
        self._shared = shared

    def persistent_load(self, pid: object) -> object:
        """Return the shared object that *pid* stands for."""
        if isinstance(pid, tuple):
            kind, which = pid
            return find_suite(which) if kind == "suite" else self._certificates[which]
        return self._shared[pid]
