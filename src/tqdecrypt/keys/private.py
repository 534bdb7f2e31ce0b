"""Private keys: what they may be asked, and how they come from files."""

from __future__ import annotations

import functools
import os
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

from tqdecrypt.keys.agreement import agree, public_share
from tqdecrypt.keys.formats import Passphrases, Refusal, read_key_file
from tqdecrypt.keys.kinds import public_facts
from tqdecrypt.keys.recognise import foreign_kind

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

__all__ = ["LoadedKeys", "PrivateKey", "load_private_keys"]

_MOST_BYTES = 1 << 20
"""No key file is longer; a capture given by mistake is not read to its end."""

_SIGNING_ONLY = frozenset({"DSA", "Ed25519", "Ed448"})


class PrivateKey:
    """A private key that gives nothing away: not in its repr, not pickled, never changed.

    :ivar source: name of the file it came from, for the user.
    :ivar kind: ``RSA``, ``EC``, ``DH``, ``X25519`` …
    :ivar size: in bits.
    :ivar spki_sha256: SHA-256 of its SubjectPublicKeyInfo, which says what certificate it fits.
    :ivar modulus: of an RSA key, else ``None``.
    :ivar share: of a Diffie-Hellman key the public value as TLS sends it: an uncompressed point, the
        bytes of X25519 or X448, a number without leading zeros; else empty.
    """

    __slots__ = ("_key", "kind", "modulus", "share", "size", "source", "spki_sha256")

    source: str
    kind: str
    size: int
    spki_sha256: bytes
    modulus: int | None
    share: bytes
    _key: PrivateKeyTypes

    def __init__(self, key: PrivateKeyTypes, source: str) -> None:
        public = key.public_key()
        facts = public_facts(public)
        modulus = public.public_numbers().n if facts.kind == "RSA" else None  # type: ignore[union-attr]
        for name, value in (
            ("_key", key),
            ("source", source),
            ("kind", facts.kind),
            ("size", facts.size),
            ("spki_sha256", facts.spki_sha256),
            ("modulus", modulus),
            ("share", public_share(public)),
        ):
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a private key cannot be changed: {name}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a private key cannot be changed: {name}")

    def __reduce__(self) -> NoReturn:
        raise TypeError("a private key is neither pickled nor copied")

    def __repr__(self) -> str:
        return f"<PrivateKey {self.kind} {self.size} {self.source} {self.spki_sha256.hex()}>"

    def describe(self) -> str:
        """Return ``server.key (RSA 2048, SHA-256 1a2b3c4d…)``."""
        return f"{self.source} ({self.kind} {self.size}, SHA-256 {self.spki_sha256.hex()[:8]}…)"

    def decrypt_premaster(self, ciphertext: bytes) -> bytes | None:
        """Return the plaintext of an EncryptedPreMasterSecret (RSAES-PKCS1-v1_5, RFC 8017 7.2.2).

        ``None`` when the key is not RSA or the ciphertext cannot be of it.  A result proves
        nothing: for a wrong key OpenSSL 3.2 and later return random bytes of a random length
        ("implicit rejection"), so the caller checks length and version and, in the end, Finished.
        """
        if self.kind != "RSA":
            return None
        try:
            return self._key.decrypt(ciphertext, _padding())  # type: ignore[union-attr]
        except ValueError:
            return None

    def agree(self, peer_share: bytes) -> bytes | None:
        """Return the Diffie-Hellman secret with *peer_share* (RFC 8422 5.10, RFC 7748 6, RFC 5246 8.1.2).

        A finite-field secret has the length of the prime.  ``None`` when this is no Diffie-Hellman
        key, or *peer_share* is not of its group.
        """
        return agree(self._key, peer_share)


@functools.cache
def _padding() -> PKCS1v15:
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

    return PKCS1v15()


@dataclass(slots=True)
class LoadedKeys:
    """The keys of some files."""

    keys: list[PrivateKey] = field(default_factory=list)
    """Each once, in the order found."""
    problems: list[str] = field(default_factory=list)
    """One sentence for each thing that gave no key and what to do about it."""
    notes: list[str] = field(default_factory=list)
    """One sentence for each thing that the user should know though nothing failed."""


def load_private_keys(
    paths: Iterable[str | os.PathLike[str]],
    *,
    passphrase: bytes | None = None,
    ask: Callable[[str], bytes | None] | None = None,
) -> LoadedKeys:
    """Load the private keys in files and directories; what cannot be used becomes a problem.

    :param paths: PEM, DER, PKCS#12 or OpenSSH files, or directories of them (not recursive).
    :param passphrase: tried first for whatever is encrypted.
    :param ask: asks a person for the passphrase of the named file, up to three times; ``None``
        from it means that the person gave up.
    """
    loader = _Loader(Passphrases(passphrase, ask))
    for path in paths:
        loader.load(os.fspath(path))
    loader.note_permissions()
    return loader.loaded


class _Loader:
    """Collects keys from paths."""

    def __init__(self, passphrases: Passphrases) -> None:
        self.loaded = LoadedKeys()
        self._passphrases = passphrases
        self._seen: set[bytes] = set()
        self._exposed: list[str] = []

    def load(self, path: str) -> None:
        """Load a path as the user gave it."""
        loaded = self.loaded
        if path.lower().startswith("pkcs11:"):
            # The URI itself may hold a PIN, so it is not repeated.
            loaded.problems.append(
                "pkcs11: keys are not supported by this version; export the key or use a key log."
            )
            return
        try:
            if os.path.isdir(path):
                self._load_directory(path)
                return
            keys, refusals = self._load_file(path)
        except (OSError, ValueError) as error:
            loaded.problems.append(_unreadable(path, error))
            return
        loaded.problems += [f"{path} {refusal}." for refusal in refusals]
        loaded.notes += [_not_rsa(path, key) for key in keys if key.kind != "RSA"]

    def note_permissions(self) -> None:
        """Note which key files every user of the machine can read, once for all of them."""
        if self._exposed:
            first, *others = dict.fromkeys(self._exposed)
            more = f" and {len(others)} more key {'file' if len(others) == 1 else 'files'}"
            self.loaded.notes.append(
                f"{first}{more if others else ''} can be read by every user of this machine;"
                f" keep private keys to yourself: chmod 600 {first}{' …' if others else ''}"
            )

    def _load_directory(self, path: str) -> None:
        loaded = self.loaded
        problems = len(loaded.problems)
        found = skipped = 0
        for name in sorted(os.listdir(path)):
            file = os.path.join(path, name)
            try:
                if not os.path.isfile(file):
                    continue
                keys, refusals = self._load_file(file)
            except OSError as error:
                loaded.problems.append(_unreadable(file, error))
                continue
            meant = [f"{file} {refusal}." for refusal in refusals if refusal.meant]
            loaded.problems += meant
            found += len(keys)
            skipped += not keys and not meant
        if not found and problems == len(loaded.problems):
            loaded.problems.append(
                f"The directory {path} has no private key (files looked at: {skipped});"
                " put the server's key there or give its file."
            )
        elif skipped:
            are = (
                "file is no private key and was"
                if skipped == 1
                else "files are no private keys and were"
            )
            loaded.notes.append(f"{path}: {skipped} {are} skipped.")

    def _load_file(self, path: str) -> tuple[list[PrivateKey], list[Refusal]]:
        """Return the keys in a file, also those that were known, and why others gave none."""
        with open(path, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            text = foreign_kind(data) or "is too large for a key file; give the server's key"
            return [], [Refusal(text, meant=False)]
        contents = read_key_file(data, path, self._passphrases)
        keys = []
        for raw in contents.keys:
            try:
                _check(raw)
                key = PrivateKey(raw, os.path.basename(path))
            except Refusal as refusal:
                contents.refusals.append(refusal)
                continue
            keys.append(key)
            if key.spki_sha256 not in self._seen:
                self._seen.add(key.spki_sha256)
                self.loaded.keys.append(key)
        if keys and stat.S_ISREG(mode) and mode & stat.S_IROTH:
            self._exposed.append(path)
        return keys, contents.refusals


def _check(key: PrivateKeyTypes) -> None:
    """Raise :class:`Refusal` when an RSA key's numbers do not belong together (RFC 8017 3.2).

    OpenSSL's own check, which also tests that the primes are prime, takes 55 ms for 2,048 bits and
    380 ms for 4,096, and a damaged file is found without.
    """
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    if not isinstance(key, RSAPrivateKey):
        return
    numbers = key.private_numbers()
    p, q, e = numbers.p, numbers.q, numbers.public_numbers.e
    if not (
        min(p, q) > 2
        and p * q == numbers.public_numbers.n
        and e * numbers.d % (p - 1) == e * numbers.d % (q - 1) == 1
        and numbers.dmp1 == numbers.d % (p - 1)
        and numbers.dmq1 == numbers.d % (q - 1)
        and numbers.iqmp * q % p == 1
    ):
        raise Refusal("is a damaged private key: its numbers do not fit; take it again")


def _not_rsa(path: str, key: PrivateKey) -> str:
    article = "an" if key.kind[0] in "EX" else "a"
    only = "can only sign and opens no session" if key.kind in _SIGNING_ONLY else "cannot open it"
    return (
        f"{path} is {article} {key.kind} key ({key.size} bits): RSA key exchange needs an RSA key,"
        f" and this one {only}; give the server's RSA key, or a key log with --keylog."
    )


def _unreadable(path: str, error: Exception) -> str:
    """Say why a file or directory cannot be read and what to do."""
    if isinstance(error, FileNotFoundError):
        return f"There is no key file {path}; check the path."
    if isinstance(error, PermissionError):
        return f"No permission to read {path}; run as its owner or change its mode."
    reason = getattr(error, "strerror", None) or "the path is not valid"
    return f"{path} cannot be read: {reason}."
