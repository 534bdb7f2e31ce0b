"""libsrtp, by way of pylibsrtp's binding.

pylibsrtp's own classes reach four profiles, and no roll-over counter: they are made for ends of a call,
which are there from the first packet on.  Its binding (``_binding``) holds the whole library, though: a
policy is a structure that is written here field by field, for any suite that libsrtp has, and
``srtp_set_stream_roc`` is found in the shared object by its name.  Packets are copied into one buffer that
is there once; so a packet costs a microsecond, half of what ``Session.unprotect`` takes.
"""

from __future__ import annotations

import functools
from struct import Struct
from typing import Any

from tqdecrypt.errors import UsageError
from tqdecrypt.media.srtp.keys import MasterKey
from tqdecrypt.media.srtp.suites import NO_AUTHENTICATION, NULL_CIPHER, SrtpSuite

__all__ = ["Context", "Library", "load_library"]

_CRYPTO_POLICY = Struct("=IiIiiI")
"""srtp_crypto_policy_t: cipher, bytes of its key and salt, authentication, bytes of its key, of the tag,
services."""
_CONFIDENTIALITY, _AUTHENTICATION = 1, 2
"""Services (srtp_sec_serv_t)."""
_HMAC_KEY = 20
"""Bytes of the session authentication key (RFC 3711 section 5.2)."""
_MAJOR = 2
"""Version of libsrtp whose structures are written here."""
_LARGEST = 0x10000
"""No packet in a UDP datagram is longer."""
_SPARE = 64
WINDOW = 1024
"""Packets that may come late without another context; moving a longer one is what takes time then."""

OK, AUTHENTICATION_FAILURE, REPLAYED, TOO_OLD = 0, 7, 9, 10
"""srtp_err_status_t."""

_MISSING = "SRTP needs pylibsrtp, which is not installed: pip install 'tqdecrypt[media]'"
_UNFIT = "This pylibsrtp cannot open SRTP from a capture: pip install --upgrade 'tqdecrypt[media]'"


class Library:
    """libsrtp and the buffer that packets are opened in.  Made by :func:`load_library`."""

    def __init__(self, binding: Any, shared: Any, foreign: Any) -> None:
        self.ffi: Any = binding.ffi
        self.lib: Any = binding.lib
        self.shared = shared
        """What the binding leaves out."""
        self.foreign = foreign
        """Makes pointers for *shared*, which belongs to another cffi instance."""
        self.buffer: Any = self.ffi.new("char[]", _LARGEST + _SPARE)
        self.length: Any = self.ffi.new("int *")
        self.view: Any = self.ffi.buffer(self.buffer)

    def policy(self, key: MasterKey, suite: SrtpSuite, *, encrypted_rtcp: bool) -> Any:
        """Return a policy (srtp_policy_t) but for the SSRC, and what must live as long."""
        assert key.material is not None
        policy = self.ffi.new("srtp_policy_t *")
        material = self.ffi.new("unsigned char[]", key.material)
        policy.key = material
        policy.window_size = WINDOW
        policy.ssrc.type = self.lib.ssrc_specific
        rtp = _crypto_policy(
            suite, suite.rtp_tag, encrypted=not key.unencrypted_rtp, authenticated=key.proves
        )
        rtcp = _crypto_policy(suite, suite.rtcp_tag, encrypted=encrypted_rtcp, authenticated=True)
        self.ffi.memmove(self.ffi.addressof(policy.rtp), rtp, len(rtp))
        self.ffi.memmove(self.ffi.addressof(policy.rtcp), rtcp, len(rtcp))
        return policy, material


def _crypto_policy(suite: SrtpSuite, tag: int, *, encrypted: bool, authenticated: bool) -> bytes:
    services = (_CONFIDENTIALITY if encrypted and suite.cipher != NULL_CIPHER else 0) | (
        _AUTHENTICATION if authenticated else 0
    )
    kind = suite.authentication if authenticated else NO_AUTHENTICATION
    key_length = 0 if kind == NO_AUTHENTICATION else _HMAC_KEY
    return _CRYPTO_POLICY.pack(
        suite.cipher,
        suite.material_length,
        kind,
        key_length,
        tag if authenticated else 0,
        services,
    )


@functools.cache
def load_library() -> Library:
    """Return libsrtp.

    :raises UsageError: when pylibsrtp is not installed, or is none that this can be done with.
    """
    try:
        import cffi
        from pylibsrtp import _binding
    except ImportError:
        raise UsageError(_MISSING) from None
    foreign = cffi.FFI()
    foreign.cdef(
        "unsigned int srtp_get_version(void);"
        "int srtp_set_stream_roc(void *, uint32_t, uint32_t);"
        "int srtp_get_stream_roc(void *, uint32_t, uint32_t *);"
    )
    try:
        shared = foreign.dlopen(_binding.__file__)
        fits = shared.srtp_get_version() >> 24 == _MAJOR
        fits = fits and bool(shared.srtp_set_stream_roc and shared.srtp_get_stream_roc)
    except (AttributeError, OSError):
        raise UsageError(_UNFIT) from None
    if not fits or _binding.ffi.sizeof("srtp_crypto_policy_t") != _CRYPTO_POLICY.size:
        raise UsageError(_UNFIT)
    return Library(_binding, shared, foreign)


class Context:
    """libsrtp's state for one SSRC under one key: where its packets are, and which came already."""

    __slots__ = ("_library", "_opener", "_session", "_ssrc", "status")

    def __init__(self, library: Library, policy: Any, ssrc: int, *, rtcp: bool) -> None:
        ffi, lib = library.ffi, library.lib
        policy.ssrc.value = ssrc
        session = ffi.new("srtp_t *")
        if lib.srtp_create(session, policy) != OK:
            raise MemoryError("libsrtp has no room for another stream")
        # Freed with this object; the library copied the key.
        self._session = ffi.gc(session, lambda pointer: lib.srtp_dealloc(pointer[0]))
        self._library = library
        self._ssrc = ssrc
        self._opener = lib.srtp_unprotect_rtcp if rtcp else lib.srtp_unprotect
        self.status = OK
        """What became of the last packet."""

    def open(self, packet: bytes) -> bytes | None:
        """Return the clear packet if it is authentic and was not opened before by this context."""
        library = self._library
        size = len(packet)
        library.ffi.memmove(library.buffer, packet, size)
        library.length[0] = size
        self.status = status = self._opener(self._session[0], library.buffer, library.length)
        if status:
            return None
        clear: bytes = library.view[: library.length[0]]
        return clear

    def place(self, rollovers: int) -> None:
        """Have the next packet opened under this roll-over counter; for contexts that opened none."""
        self._library.shared.srtp_set_stream_roc(self._pointer(), self._ssrc, rollovers)

    @property
    def rollovers(self) -> int:
        """The roll-over counter that it is at."""
        found = self._library.foreign.new("uint32_t *")
        self._library.shared.srtp_get_stream_roc(self._pointer(), self._ssrc, found)
        return int(found[0])

    def _pointer(self) -> Any:
        library = self._library
        return library.foreign.cast("void *", int(library.ffi.cast("intptr_t", self._session[0])))
