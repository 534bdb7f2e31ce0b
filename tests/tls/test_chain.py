"""TLS 1.0 with encrypt-then-MAC: the IV is the record before, and nothing proves it."""

from __future__ import annotations

import hashlib
import hmac

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tqdecrypt.tls.constants import Version
from tqdecrypt.tls.derive import KeyBlock
from tqdecrypt.tls.protection import Opener, make_openers
from tqdecrypt.tls.suites import find_suite

KEY, MAC_KEY, IV = bytes(range(16)), bytes(range(20)), bytes(16)
TEXTS = [b"record %d, longer than a block" % number for number in range(5)]


def sealed() -> list[bytes]:
    """The records of one direction (RFC 7366 section 3)."""
    encryptor = Cipher(algorithms.AES(KEY), modes.CBC(IV)).encryptor()
    records = []
    for number, text in enumerate(TEXTS):
        padding = 15 - len(text) % 16
        fragment = encryptor.update(text + bytes([padding]) * (padding + 1))
        header = number.to_bytes(8, "big") + b"\x17\3\1" + len(fragment).to_bytes(2, "big")
        records.append(fragment + hmac.digest(MAC_KEY, header + fragment, hashlib.sha1))
    return records


def opener() -> Opener:
    keys = KeyBlock(MAC_KEY, MAC_KEY, KEY, KEY, IV, IV)
    return make_openers(find_suite(0x002F), Version.TLS10, True, keys)[0]


def test_records_in_a_row() -> None:
    ours = opener()
    assert [ours.open(23, 0x0301, record) for record in sealed()] == TEXTS


def test_the_record_behind_a_missing_one_is_not_shown_and_the_next_one_is() -> None:
    """Its MAC verifies, but its first block would come out as rubbish."""
    ours, records = opener(), sealed()
    assert ours.open(23, 0x0301, records[0]) == TEXTS[0]
    assert ours.open_ahead(23, 0x0301, records[2], 4, 100) is None
    assert ours.open(23, 0x0301, records[3]) == TEXTS[3]


def test_a_damaged_record_in_between_breaks_the_chain_too() -> None:
    ours, records = opener(), sealed()
    assert ours.open(23, 0x0301, records[0]) == TEXTS[0]
    assert ours.open(23, 0x0301, records[1][:-1] + b"\0") is None
    assert ours.open(23, 0x0301, records[1]) is None
    assert ours.open(23, 0x0301, records[2]) == TEXTS[2]
