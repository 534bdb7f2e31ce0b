"""Ciphers of the system's libcrypto (OpenSSL 1.1 or later) that ``cryptography`` does not offer."""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
from typing import Any

from tqdecrypt.tls.ciphers import UnsupportedCipher

__all__ = ["LibcryptoCipher"]


@functools.cache
def _library() -> Any:
    name = ctypes.util.find_library("crypto") or "libcrypto.so.3"
    try:
        library = ctypes.CDLL(name)
        library.EVP_get_cipherbyname.restype = ctypes.c_void_p
        library.EVP_get_cipherbyname.argtypes = [ctypes.c_char_p]
        library.EVP_CIPHER_CTX_new.restype = ctypes.c_void_p
        library.EVP_CIPHER_CTX_free.argtypes = [ctypes.c_void_p]
        library.EVP_CIPHER_CTX_set_padding.argtypes = [ctypes.c_void_p, ctypes.c_int]
        library.EVP_CipherInit_ex.argtypes = [
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.c_char_p,
            ctypes.c_int,
        ]
        library.EVP_CipherUpdate.argtypes = [
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.POINTER(ctypes.c_int),
            ctypes.c_char_p,
            ctypes.c_int,
        ]
    except (OSError, AttributeError):
        return None
    return library


class LibcryptoCipher:
    """A cipher context without padding; feed it whole blocks."""

    __slots__ = ("_context", "_library")

    def __init__(self, name: str, key: bytes, iv: bytes, *, encrypt: bool) -> None:
        self._context = None
        self._library = _library()
        cipher = self._library and self._library.EVP_get_cipherbyname(name.encode())
        if not cipher:
            raise UnsupportedCipher(name)
        self._context = self._library.EVP_CIPHER_CTX_new()
        initialised = self._library.EVP_CipherInit_ex(
            self._context, cipher, None, key, iv or None, int(encrypt)
        )
        if initialised != 1:
            raise UnsupportedCipher(name)
        self._library.EVP_CIPHER_CTX_set_padding(self._context, 0)

    def update(self, data: bytes) -> bytes:
        """Encrypt or decrypt the next blocks."""
        out = ctypes.create_string_buffer(len(data) + 32)
        length = ctypes.c_int(0)
        if (
            self._library.EVP_CipherUpdate(
                self._context, out, ctypes.byref(length), data, len(data)
            )
            != 1
        ):
            raise UnsupportedCipher("update")
        return out.raw[: length.value]

    def __del__(self) -> None:
        if self._context:
            self._library.EVP_CIPHER_CTX_free(self._context)
