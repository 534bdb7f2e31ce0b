"""Everything that may open a session, behind one object."""

from __future__ import annotations

from collections.abc import Iterable

from tqdecrypt.keys.certificate import CertificateFacts
from tqdecrypt.keys.keylog import KeyLog
from tqdecrypt.keys.private import PrivateKey
from tqdecrypt.keys.psk import PreSharedKey

__all__ = ["KeyRing"]


class KeyRing:
    """Private keys, session secrets and pre-shared keys.

    :ivar keys: the private keys, in the order given.
    :ivar keylog: session secrets; may grow while a capture is read.
    :ivar psks: the pre-shared keys, in the order given.
    """

    __slots__ = ("_by_share", "_by_spki", "keylog", "keys", "psks")

    def __init__(
        self,
        keys: Iterable[PrivateKey] = (),
        keylog: KeyLog | None = None,
        psks: Iterable[PreSharedKey] = (),
    ) -> None:
        self.keys = tuple(keys)
        self.keylog = KeyLog() if keylog is None else keylog
        self.psks = tuple(psks)
        self._by_spki = {key.spki_sha256: key for key in reversed(self.keys)}
        self._by_share = {key.share: key for key in reversed(self.keys) if key.share}

    def __repr__(self) -> str:
        return f"<KeyRing: {len(self.keys)} keys, {self.keylog!r}, {len(self.psks)} PSKs>"

    def match_certificate(self, facts: CertificateFacts) -> PrivateKey | None:
        """Return the private key that belongs to a certificate."""
        return self._by_spki.get(facts.spki_sha256)

    def match_spki(self, spki_sha256: bytes) -> PrivateKey | None:
        """Return the private key whose SubjectPublicKeyInfo has this SHA-256."""
        return self._by_spki.get(spki_sha256)

    def match_share(self, share: bytes) -> PrivateKey | None:
        """Return the private key whose public value a server sent in its key exchange."""
        return self._by_share.get(share)

    def rsa_keys_of_size(self, modulus_bytes: int) -> list[PrivateKey]:
        """Return the RSA keys whose modulus, and so whose ciphertext, has this many bytes.

        For sessions whose certificate was not seen: only these are worth a trial.
        """
        return [
            key for key in self.keys if key.kind == "RSA" and (key.size + 7) // 8 == modulus_bytes
        ]

    def psks_for(self, identity: bytes) -> list[PreSharedKey]:
        """Return the pre-shared keys to try for *identity*: its own first, then the unnamed."""
        own = [psk for psk in self.psks if psk.identity == identity]
        return own + [psk for psk in self.psks if psk.identity is None]

    def describe(self) -> tuple[str, ...]:
        """Return what was given, one text each, without any secret: for verdicts and summaries."""
        texts = [key.describe() for key in self.keys]
        if secrets := len(self.keylog):
            texts.append(f"key log with {secrets} secret{'s' * (secrets != 1)}")
        if psks := len(self.psks):
            texts.append(f"{psks} pre-shared key{'s' * (psks != 1)}")
        return tuple(texts)
