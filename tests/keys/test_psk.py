"""Pre-shared keys as written on a command line."""

from __future__ import annotations

import pytest

from tqdecrypt.errors import SecretsError
from tqdecrypt.keys import PreSharedKey, parse_psk


@pytest.mark.parametrize(
    ("text", "identity", "key"),
    [
        ("00ff", None, b"\x00\xff"),
        ("sbc1:00FF", b"sbc1", b"\x00\xff"),
        ("urn:sbc:1:00ff", b"urn:sbc:1", b"\x00\xff"),
        (":00ff", b"", b"\x00\xff"),
        ("Zürich:00", "Zürich".encode(), b"\x00"),
        (" sbc1:00ff\n", b"sbc1", b"\x00\xff"),
    ],
)
def test_what_is_understood(text: str, identity: bytes | None, key: bytes) -> None:
    assert parse_psk(text) == PreSharedKey(identity, key)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "A pre-shared key has no key"),
        ("sbc1:", "A pre-shared key has no key"),
        ("sbc1:123", "A pre-shared key has an odd number of hexadecimal digits"),
        ("00112233:secretname", "A pre-shared key is not hexadecimal"),
        ("sbc1:schlüssel", "A pre-shared key is not hexadecimal"),
        ("00" * 65_536, "A pre-shared key has 65536 bytes; TLS allows 65535."),
    ],
)
def test_what_is_not(text: str, says: str) -> None:
    with pytest.raises(SecretsError) as caught:
        parse_psk(text)
    assert str(caught.value).startswith(says)


def test_the_repr_has_no_key() -> None:
    assert repr(parse_psk("sbc1:00ff")) == "PreSharedKey(identity=b'sbc1')"
