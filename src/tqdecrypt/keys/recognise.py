"""What a file is, by its first bytes, when it is not what was asked for."""

from __future__ import annotations

__all__ = ["CAPTURE_MAGIC", "foreign_kind"]

CAPTURE_MAGIC = (
    b"\xa1\xb2\xc3\xd4",
    b"\xd4\xc3\xb2\xa1",
    b"\xa1\xb2\x3c\x4d",
    b"\x4d\x3c\xb2\xa1",
    b"\x0a\x0d\x0d\x0a",
)
"""pcap in both byte orders, with microseconds and nanoseconds; pcapng."""

_FOREIGN: tuple[tuple[tuple[bytes, ...], str], ...] = (
    (CAPTURE_MAGIC, "is a capture, not a key; give it as CAPTURE, without -k"),
    (
        (b"ssh-", b"ecdsa-sha2-", b"sk-ssh-", b"---- BEGIN SSH2 PUBLIC KEY"),
        "is an SSH public key; give the private key of the TLS server",
    ),
    (
        (b"PuTTY-User-Key-File-",),
        "is a PuTTY key; convert it: puttygen FILE -O private-openssh -o server.key",
    ),
    (
        (b"\xfe\xed\xfe\xed", b"\xce\xce\xce\xce"),
        "is a Java key store; convert it: keytool -importkeystore -srckeystore FILE"
        " -destkeystore server.p12 -deststoretype PKCS12",
    ),
    (
        (b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ\x00", b"PK\x03\x04"),
        "is compressed; give the unpacked key file",
    ),
    (
        (b"CLIENT_", b"SERVER_", b"RSA ", b"# SSL/TLS secrets", b"PMS_CLIENT_RANDOM"),
        "is a key log, not a key; give it with --keylog",
    ),
    (
        (b"\xff\xfe", b"\xfe\xff"),
        "is UTF-16 text; save it as plain text (UTF-8)",
    ),
)


def foreign_kind(data: bytes) -> str | None:
    """Return what *data* is and what to do about it, when it is known and no key; else ``None``.

    The text continues a sentence that begins with the file's name.
    """
    for beginnings, text in _FOREIGN:
        if data.startswith(beginnings):
            return text
    return None
