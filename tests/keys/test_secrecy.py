"""No text that leaves the package holds a part of a key or a secret."""

from __future__ import annotations

import base64
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from tqdecrypt.errors import SecretsError
from tqdecrypt.keys import KeyLog, KeyLogFile, KeyRing, PrivateKey, load_private_keys, parse_psk
from tqdecrypt.keys.formats import Passphrases, read_key_file

from .encodings import SECRET, certificate, openssh, pem, pkcs8, pkcs12, traditional

WINDOW = 6
"""So many bytes in a row of a secret are a leak: short enough to find pieces, too long for luck."""


def leaks(texts: list[str], secrets: list[bytes]) -> Iterator[str]:
    """Yield each text that holds a part of a secret: raw, hexadecimal, Base64, or as a number."""
    for text in texts:
        lower = text.lower()
        for secret in secrets:
            spellings = [
                secret.hex(),
                str(int.from_bytes(secret, "big")),
                repr(secret)[2:-1].lower(),
            ]
            spellings += [base64.b64encode(secret[shift:]).decode().lower() for shift in range(3)]
            for spelling in spellings:
                parts = (spelling[at : at + 2 * WINDOW] for at in range(len(spelling) - 2 * WINDOW))
                if any(part in lower for part in parts):
                    yield text


def test_the_search_finds_a_leak() -> None:
    secret = bytes(range(7, 60))
    for text in (secret.hex()[10:40], base64.b64encode(secret)[8:30].decode(), repr(secret)):
        assert list(leaks([text], [secret]))


def test_private_keys(
    tmp_path: Path, rsa_key: rsa.RSAPrivateKey, ec_key: ec.EllipticCurvePrivateKey
) -> None:
    numbers = rsa_key.private_numbers()
    parts = (numbers.d, numbers.p, numbers.q, numbers.dmp1, numbers.dmq1, numbers.iqmp)
    secrets = [part.to_bytes(-(-part.bit_length() // 8), "big") for part in parts]
    secrets += [ec_key.private_numbers().private_value.to_bytes(32, "big"), SECRET]
    forms = [
        pem(rsa_key),
        pem(rsa_key, SECRET),
        pkcs8(rsa_key),
        traditional(rsa_key),
        traditional(rsa_key, Encoding.DER),
        openssh(rsa_key),
        pkcs12(rsa_key, None, [certificate(rsa_key)]),
        pkcs12(rsa_key, SECRET, [certificate(rsa_key)]),
        pem(ec_key),
    ]
    texts = []
    for number, form in enumerate(forms):
        damaged = (
            form,
            form[: len(form) // 2],
            form[:60] + b"~~" + form[60:],
            form[::-1],
            form[40:],
        )
        for version, content in enumerate(damaged):
            path = tmp_path / f"{number}-{version}"
            path.write_bytes(content)
            for passphrase in (None, SECRET, b"wrong"):
                loaded = load_private_keys([path], passphrase=passphrase)
                ring = KeyRing(loaded.keys)
                texts += [
                    *loaded.problems,
                    *loaded.notes,
                    repr(loaded),
                    repr(ring),
                    *ring.describe(),
                ]
                contents = read_key_file(content, "x", Passphrases(passphrase, None))
                texts.append(repr(contents))
                texts += ["".join(traceback.format_exception(why)) for why in contents.refusals]
            texts += [str(KeyLogFile(path).problem()), repr(KeyLogFile(path).keylog.counters)]
    assert len(texts) > 300
    assert list(leaks(texts, secrets)) == []


def test_a_key_refuses_without_telling(rsa_key: rsa.RSAPrivateKey) -> None:
    key = PrivateKey(rsa_key, "server.key")
    with pytest.raises(AttributeError) as caught:
        key._key = rsa_key
    d = rsa_key.private_numbers().d.to_bytes(128, "big")
    assert list(leaks([str(caught.value), repr(key), str(key), key.describe()], [d])) == []


def test_key_logs() -> None:
    secret = bytes(range(100, 148))
    random = bytes(range(32)).hex()
    text = secret.hex()
    lines = [
        f"CLIENT_RANDOM {random} {text}",
        f"CLIENT_RANDOM {random} {text[:-1]}",
        f"CLIENT_RANDOM {random} {text} {text}",
        f"CLIENT_RANDOM {text} {random}",
        f"{text} {text} {text}",
        f"{text.upper()} {text} {text}",
        f"{text.upper()[:40]} {text} {text}",
        f"CLIENT_RANDOM {text[:20]}zz {text}",
        f"RSA Session-ID:{text} Master-Key:{text}",
        text,
    ]
    for unusual in lines:
        keylog = KeyLog()
        keylog.feed(f"{unusual}\n{unusual[:-4]}".encode(), "keys.log")
        counters = keylog.counters
        texts = [repr(keylog), repr(counters), repr(KeyRing(keylog=keylog))]
        texts += [str(bad) for bad in counters.first_malformed] + list(counters.unknown_labels)
        assert list(leaks(texts, [secret])) == []


@pytest.mark.parametrize("text", ["{}:secret", "secret:{}0", "{}xx", "a:{}:", "{}"])
def test_pre_shared_keys(text: str) -> None:
    key = bytes(range(100, 132))
    try:
        told = repr(parse_psk(text.format(key.hex())))
    except SecretsError as error:
        told = "".join(traceback.format_exception(error))
    assert list(leaks([told], [key])) == []


def test_importing_the_package_is_light() -> None:
    code = (
        "import sys, tqdecrypt.keys; print('cryptography' in sys.modules, 'numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["False", "False"]
