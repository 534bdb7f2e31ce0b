"""Keys that are made once, and the programs and captures that some tests need."""

from __future__ import annotations

import shutil
import subprocess
import warnings
from collections.abc import Callable
from decimal import Decimal, localcontext
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import dh, ec, ed25519, rsa, x25519
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

SHARED_KEYS = Path(__file__).resolve().parents[3] / "shared" / "captures" / "keys"

OpenSSL = Callable[..., None]


@pytest.fixture(scope="session")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 1024)


@pytest.fixture(scope="session")
def other_rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 1024)


@pytest.fixture(scope="session")
def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture(scope="session")
def dh_key() -> dh.DHPrivateKey:
    # ffdhe2048, by its formula (RFC 7919 appendix A.1): making a group of our own takes seconds.
    with localcontext() as context, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # cryptography advises against the whole algorithm
        context.prec = 700
        e = int(Decimal(1).exp() * 2**1918)
        prime = 2**2048 - 2**1984 + (e + 560_316) * 2**64 - 1
        return dh.DHParameterNumbers(prime, 2).parameters().generate_private_key()


@pytest.fixture(scope="session")
def key_of_kind(
    rsa_key: rsa.RSAPrivateKey, ec_key: ec.EllipticCurvePrivateKey, dh_key: dh.DHPrivateKey
) -> dict[str, PrivateKeyTypes]:
    return {
        "RSA": rsa_key,
        "EC": ec_key,
        "DH": dh_key,
        "X25519": x25519.X25519PrivateKey.generate(),
        "Ed25519": ed25519.Ed25519PrivateKey.generate(),
    }


@pytest.fixture
def openssl(tmp_path: Path) -> OpenSSL:
    """Runs the openssl command in the test's directory."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl command: apt install openssl")

    def run(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=tmp_path, check=True, capture_output=True)

    return run


@pytest.fixture
def shared_keys() -> Path:
    """The keys of the shared captures."""
    if not SHARED_KEYS.is_dir():
        pytest.skip("needs the shared captures beside the repository")
    return SHARED_KEYS
