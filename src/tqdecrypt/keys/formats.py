"""From the bytes of a key file to private keys: PEM, DER, PKCS#12, OpenSSH; encrypted or not."""

from __future__ import annotations

import re
import warnings
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from tqdecrypt.errors import Malformed, PrivateKeyError
from tqdecrypt.keys.certificate import read_certificate
from tqdecrypt.keys.der import (
    BIT_STRING,
    INTEGER,
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    SEQUENCE,
    children,
    pull_element,
)
from tqdecrypt.keys.recognise import foreign_kind
from tqdecrypt.wire import Cursor

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

__all__ = ["FileContents", "Passphrases", "Refusal", "read_key_file"]

_T = TypeVar("_T")

_ATTEMPTS = 3
"""How often a person is asked for the passphrase of one file."""

_DAMAGED = "is a damaged private key; take it from the server again"
_NOT_A_KEY = (
    "is not a private key; give the TLS server's private key as PEM, DER or PKCS#12, or a"
    " directory of them"
)


class Refusal(PrivateKeyError):  # noqa: N818 - it names what was found, as Malformed does
    """Why a file, or a part of it, gave no key.

    The text continues a sentence that begins with the file's name.

    :ivar meant: whether it is a private key all the same, so that skipping it silently would hide
        something from the user.
    """

    def __init__(self, text: str, *, meant: bool = True) -> None:
        super().__init__(text)
        self.meant = meant


@dataclass(slots=True)
class FileContents:
    """What a key file gave."""

    keys: list[PrivateKeyTypes] = field(default_factory=list, repr=False)
    refusals: list[Refusal] = field(default_factory=list)


class Passphrases:
    """The passphrases there are: the given one, those that opened earlier files, a person."""

    __slots__ = ("_ask", "_known")

    def __init__(self, given: bytes | None, ask: Callable[[str], bytes | None] | None) -> None:
        self._known = [] if given is None else [given]
        self._ask = ask

    def unlock(self, file: str, load: Callable[[bytes], _T]) -> _T:
        """Return what *load* returns with the passphrase that opens *file*; else :class:`Refusal`.

        *load* raises ``ValueError`` when the passphrase is wrong.
        """
        tried = False
        for passphrase in self._candidates(file):
            tried = True
            try:
                opened = load(passphrase)
            except (ValueError, TypeError):
                continue
            if passphrase not in self._known:
                self._known.append(passphrase)
            return opened
        where = "with --key-passphrase-file or TQDECRYPT_KEY_PASSPHRASE"
        if tried:
            raise Refusal(f"does not open with the passphrase; give the right one {where}")
        raise Refusal(f"is encrypted and needs a passphrase; give it {where}")

    def _candidates(self, file: str) -> Iterator[bytes]:
        yield from tuple(self._known)
        if self._ask is not None:
            for _ in range(_ATTEMPTS):
                answer = self._ask(file)
                if answer is None:
                    return
                yield answer


def read_key_file(data: bytes, file: str, passphrases: Passphrases) -> FileContents:
    """Return the private keys in *data*, the content of *file*, and what there was instead.

    Never raises for anything in *data*.
    """
    contents = FileContents()
    with warnings.catch_warnings():
        # cryptography warns of old algorithms; the keys are what the servers have.
        warnings.simplefilter("ignore")
        if (kind := foreign_kind(data)) is not None:
            contents.refusals.append(Refusal(kind, meant=False))
        elif b"-----BEGIN" in data:
            _read_pem(data, file, passphrases, contents)
        elif data.strip():
            _collect(contents, partial(_read_der, data, file, passphrases))
        else:
            contents.refusals.append(
                Refusal("is empty; copy the key file from the server again", meant=False)
            )
    return contents


def _collect(contents: FileContents, read: Callable[[], PrivateKeyTypes]) -> None:
    try:
        contents.keys.append(read())
    except Refusal as refusal:
        contents.refusals.append(refusal)


# -- PEM (RFC 7468; headers as in RFC 1421) -----------------------------------------------------

_BOUNDARY = re.compile(rb"-----(BEGIN|END) ([A-Z0-9][A-Z0-9 ]{0,62})-----")


class _Block(NamedTuple):
    """One PEM block."""

    label: str
    lines: list[bytes]
    """Between the boundaries, stripped; encapsulated headers come first."""
    whole: bool
    """Whether its END line is there."""

    @property
    def text(self) -> bytes:
        """The block again, with clean line ends."""
        name = self.label.encode()
        begin, end = b"-----BEGIN " + name + b"-----", b"-----END " + name + b"-----"
        return b"\n".join((begin, *self.lines, end, b""))

    @property
    def der(self) -> bytes:
        """Its binary content; empty when the Base64 is damaged."""
        try:
            return a2b_base64(b"".join(self.lines), strict_mode=True)
        except Base64Error:
            return b""


def _pem_blocks(data: bytes) -> Iterator[_Block]:
    """Yield the PEM blocks of *data*; text between them is allowed and skipped."""
    label, lines = "", list[bytes]()
    for raw in data.removeprefix(b"\xef\xbb\xbf").splitlines():
        line = raw.strip()
        boundary = _BOUNDARY.fullmatch(line)
        if boundary is None:
            if label:
                lines.append(line)
        elif boundary[1] == b"BEGIN":
            if label:
                yield _Block(label, lines, whole=False)
            label, lines = boundary[2].decode(), []
        elif label:
            yield _Block(label, lines, whole=boundary[2].decode() == label)
            label = ""
    if label:
        yield _Block(label, lines, whole=False)


def _read_pem(data: bytes, file: str, passphrases: Passphrases, contents: FileContents) -> None:
    others = []
    for block in _pem_blocks(data):
        if block.label.endswith("PRIVATE KEY"):
            _collect(contents, partial(_read_block, block, file, passphrases))
        elif not block.label.endswith("PARAMETERS"):
            others.append(block)
    if contents.keys or contents.refusals:
        return
    for block in others:
        contents.refusals.append(Refusal(_name_block(block), meant=False))
        return
    contents.refusals.append(
        Refusal("is damaged PEM: its lines are joined or cut; copy the file again unchanged")
        if b"PRIVATE KEY-----" in data
        else Refusal(_NOT_A_KEY, meant=False)
    )


def _read_block(block: _Block, file: str, passphrases: Passphrases) -> PrivateKeyTypes:
    from cryptography.hazmat.primitives import serialization

    if not block.whole:
        raise Refusal("is damaged PEM: a key's END line is missing; copy the whole file again")
    text = block.text
    if block.label == "OPENSSH PRIVATE KEY":
        return _load(
            partial(serialization.load_ssh_private_key, text),
            file,
            passphrases,
            # ssh-keygen rewrites in place, so a copy is converted; it removes the passphrase too.
            convert="cp {} server.key && ssh-keygen -p -N '' -m PEM -f server.key",
        )
    headers = any(b":" in line for line in block.lines)
    if not headers and not block.der:
        raise Refusal("is damaged PEM: its Base64 text is broken; copy the file again unchanged")
    load = partial(serialization.load_pem_private_key, text, unsafe_skip_rsa_key_validation=True)
    return _load(load, file, passphrases)


def _name_block(block: _Block) -> str:
    """Say what a PEM block is that is no private key."""
    if "CERTIFICATE" in block.label and "REQUEST" not in block.label:
        return _name_certificate(block.der)
    if "REQUEST" in block.label:
        return "is a certificate request, not a private key; give the key it was made with"
    if "PUBLIC KEY" in block.label:
        return "is a public key; give the private key that belongs to it"
    return _NOT_A_KEY


def _name_certificate(der: bytes) -> str:
    text = "is a certificate, not a private key; give the key that belongs to it"
    try:
        facts = read_certificate(pull_element(Cursor(der)).encoding)
    except Malformed:
        return text
    subject = "".join(
        char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in facts.subject
    )
    return f"{text} (subject {subject or 'empty'}, SHA-256 {facts.fingerprint_sha256})"


# -- DER ----------------------------------------------------------------------------------------


def _read_der(data: bytes, file: str, passphrases: Passphrases) -> PrivateKeyTypes:
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    try:
        outer = pull_element(Cursor(data))
        parts = children(outer) if outer.tag == SEQUENCE else []
    except Malformed:
        if data.startswith(b"\x30\x80"):
            # Only PKCS#12 files are written with BER's indefinite lengths (RFC 7292 section 4).
            return _read_pkcs12(data, file, passphrases)
        parts = []
    match [part.tag for part in parts]:
        case [n, s, o, *_] if (n, s, o) == (INTEGER, SEQUENCE, OCTET_STRING):
            pass  # PKCS#8 (RFC 5958)
        case [n, o, *_] if (n, o) == (INTEGER, OCTET_STRING):
            pass  # SEC 1 (RFC 5915)
        case [s, o] if (s, o) == (SEQUENCE, OCTET_STRING):
            pass  # encrypted PKCS#8 (RFC 5958 section 3)
        case [*tags] if len(tags) >= 6 and set(tags[:6]) == {INTEGER}:
            pass  # PKCS#1 (RFC 8017 A.1.2), and DSA's traditional form
        case [n, s, *_] if (n, s) == (INTEGER, SEQUENCE):
            return _read_pkcs12(outer.encoding, file, passphrases)
        case tags:
            raise Refusal(_name_der(data, tags), meant=False)
    load = partial(load_der_private_key, outer.encoding, unsafe_skip_rsa_key_validation=True)
    return _load(load, file, passphrases)


def _name_der(data: bytes, tags: list[int]) -> str:
    """Say what a binary file is that is no private key; *tags* are those of its outer sequence."""
    if tags in ([SEQUENCE, BIT_STRING], [INTEGER, INTEGER]):
        return "is a public key; give the private key that belongs to it"
    if tags == [SEQUENCE, SEQUENCE, BIT_STRING]:
        # A request has version, subject, key and attributes (RFC 2986); a certificate has more.
        body = children(children(pull_element(Cursor(data)))[0])
        if len(body) == 4:
            return "is a certificate request, not a private key; give the key it was made with"
        return _name_certificate(data)
    if tags[:1] == [OBJECT_IDENTIFIER]:
        return "is a certificate bundle (PKCS#7), which has no private key; give the key itself"
    return _NOT_A_KEY


def _read_pkcs12(data: bytes, file: str, passphrases: Passphrases) -> PrivateKeyTypes:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import pkcs12

    def load(passphrase: bytes | None) -> PrivateKeyTypes:
        try:
            key = pkcs12.load_pkcs12(data, passphrase).key
        except UnsupportedAlgorithm:
            raise _unsupported(
                f"openssl pkcs12 -legacy -in {file} -nodes -out server.key"
            ) from None
        if key is None:
            raise Refusal(
                "is a PKCS#12 file without a private key; export it again together with the key",
                meant=False,
            )
        return key

    # No passphrase and an empty one are different to PKCS#12 (RFC 7292 appendix B.1).
    for none in (None, b""):
        try:
            return load(none)
        except ValueError:
            continue
    return passphrases.unlock(file, load)


def _load(
    load: Callable[[bytes | None], PrivateKeyTypes],
    file: str,
    passphrases: Passphrases,
    convert: str = "openssl pkey -in {} -out server.key",
) -> PrivateKeyTypes:
    """Load a key, with a passphrase if it needs one; raises :class:`Refusal`.

    :param convert: the command that turns *file* into what can be loaded.
    """
    from cryptography.exceptions import UnsupportedAlgorithm

    def load_encrypted(passphrase: bytes) -> PrivateKeyTypes:
        try:
            return load(passphrase)
        except ValueError as error:
            # Only the text tells an unknown cipher from a wrong passphrase; without this a person
            # would look for another passphrase in vain.
            if "unknown" in str(error).lower():
                raise UnsupportedAlgorithm("cipher") from None
            raise

    try:
        try:
            return load(None)
        except TypeError:
            # cryptography's way of saying that the key is encrypted.
            return passphrases.unlock(file, load_encrypted)
        except ValueError:
            raise Refusal(_DAMAGED) from None
    except UnsupportedAlgorithm:
        raise _unsupported(convert.format(file)) from None


def _unsupported(command: str) -> Refusal:
    return Refusal(
        f"uses an algorithm that is not supported here; convert it: {command}, and give server.key"
    )
