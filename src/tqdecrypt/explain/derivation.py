"""From what was exchanged to the keys: each secret with its formula, and whether it is known.

Up to TLS 1.2: pre-master secret, master secret, key block (RFC 5246 sections 5, 6.3 and 8.1; RFC 7627;
SSL 3.0: RFC 6101 sections 5 and 6).  TLS 1.3 is told by :mod:`tqdecrypt.explain.schedule13`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from tqdecrypt.explain.model import Derived, Part, Shown
from tqdecrypt.explain.premaster import Premaster, find_premaster
from tqdecrypt.explain.reading import Round
from tqdecrypt.explain.resumption import earlier_session
from tqdecrypt.explain.schedule13 import derive13
from tqdecrypt.keys import KeyRing
from tqdecrypt.tls.constants import HandshakeType, Version
from tqdecrypt.tls.derive import KeyBlock, key_block_sizes, partition_key_block
from tqdecrypt.tls.exchange import CLIENT, SERVER
from tqdecrypt.tls.recording import Recording
from tqdecrypt.tls.suites import Protection, Suite

__all__ = ["derivations_of"]

_PART_NAMES = (
    "client MAC key",
    "server MAC key",
    "client key",
    "server key",
    "client IV",
    "server IV",
)
"""The key block's parts in its order (RFC 5246 section 6.3)."""


def derivations_of(
    recording: Recording, rounds: list[Round], ring: KeyRing, shown: Shown
) -> tuple[tuple[Derived, ...], ...]:
    """Return the derivation of each handshake of which both hellos are known."""
    return tuple(
        tuple(_derive(recording, one, ring, shown))
        for one in rounds
        if one.server_hello is not None and one.exchange is not None
    )


def _derive(recording: Recording, one: Round, ring: KeyRing, shown: Shown) -> Iterator[Derived]:
    assert one.exchange is not None
    suite = one.exchange.suite
    if suite is None or one.version == Version.DTLS13:
        return
    if one.tls13:
        yield from derive13(recording, one, ring, shown)
        return
    if one.exchange.resumed_by is not None:
        yield _resumed_master(recording, one, shown)
    else:
        premaster = find_premaster(one, ring)
        if premaster is not None:
            yield from _premaster(premaster, shown)
        yield _master(one, suite, shown, premaster)
    yield _block(one, suite, shown)
    yield from _finished(one, suite)


def _premaster(found: Premaster, shown: Shown) -> Iterator[Derived]:
    for stands in found.stands:
        yield Derived(stands.name, stands.length, stands.how, True, stands.shown, public=True)
    known = found.secret is not None
    yield Derived(
        "pre-master secret",
        found.length,
        found.how,
        known,
        shown(found.secret) if found.secret is not None else "",
        found.note,
    )


def _master(one: Round, suite: Suite, shown: Shown, premaster: Premaster | None) -> Derived:
    exchange = one.exchange
    assert exchange is not None
    known = exchange.master is not None
    note = _master_note(one, premaster)
    if one.version == Version.SSL3:
        how = "MD5(pre-master secret + SHA('A' + pre-master secret + client_random + server_random)) + …"
    elif exchange.extended_master_secret:
        how = f'{_prf(one, suite)}(pre-master secret, "extended master secret", session_hash)'
        note = f"{_session_hash(one, suite)} {note}".strip()
    else:
        how = (
            f'{_prf(one, suite)}(pre-master secret, "master secret", client_random + server_random)'
        )
    return Derived(
        "master secret", 48, how, known, shown(exchange.master) if exchange.master else "", note
    )


def _master_note(one: Round, premaster: Premaster | None) -> str:
    exchange = one.exchange
    assert exchange is not None
    if exchange.master is None:
        return "Not known, because the pre-master secret is not."
    if premaster is not None and premaster.secret is not None:
        return ""
    return f"From {exchange.secrets_from}; what it was made of is not needed."


def _session_hash(one: Round, suite: Suite) -> str:
    """Return of what the session hash is, and its value, which is no secret."""
    messages = one.session_hash_messages()
    if messages is None:
        return (
            "The session hash is over every message up to ClientKeyExchange (RFC 7627), and not all of "
            "them are here."
        )
    data = b"".join(messages)
    if _newer(one):
        name, digest = _hash_name(suite), hashlib.new(suite.prf_hash, data, usedforsecurity=False)
        value = digest.hexdigest()
    else:
        name = "MD5 and SHA-1"
        value = hashlib.md5(data, usedforsecurity=False).hexdigest()
    return (
        f"The session hash is the {name} of the {len(messages)} messages from ClientHello to "
        f"ClientKeyExchange, {len(data):,} bytes (RFC 7627): {value[:16]}…"
    )


def _resumed_master(recording: Recording, one: Round, shown: Shown) -> Derived:
    exchange = one.exchange
    assert exchange is not None
    known = exchange.master is not None
    where = earlier_session(recording, one) or "a session that is not in this capture"
    note = "" if known else f"Not known, because that of {where} is not."
    origin = f"From {exchange.secrets_from}." if known else ""
    return Derived(
        "master secret",
        48,
        f"taken over from {where}, resumed by {exchange.resumed_by}",
        known,
        shown(exchange.master) if exchange.master else "",
        note or origin,
    )


def _block(one: Round, suite: Suite, shown: Shown) -> Derived:
    exchange = one.exchange
    assert exchange is not None
    assert one.server_hello is not None
    if one.version == Version.SSL3:
        how = "MD5(master secret + SHA('A' + master secret + server_random + client_random)) + …"
    else:
        how = f'{_prf(one, suite)}(master secret, "key expansion", server_random + client_random)'
    if suite.bulk is None:
        return Derived("key block", None, how, False, note=f"{suite.name} is not known here.")
    keys: KeyBlock | None = None
    if exchange.master is not None and one.client_hello is not None:
        keys = partition_key_block(
            suite,
            one.version,
            exchange.master,
            one.client_hello.random,
            one.server_hello.random,
        )
    sizes = key_block_sizes(suite, one.version)
    parts = []
    offset = 0
    for number, size in enumerate(sizes):
        name = _part_name(suite, number)
        parts.append(Part(name, offset, size, shown(keys[number]) if keys and size else ""))
        offset += size
    return Derived(
        "key block",
        sum(sizes),
        how,
        keys is not None,
        note=_about_parts(one, suite),
        parts=tuple(parts),
    )


def _part_name(suite: Suite, number: int) -> str:
    assert suite.bulk is not None
    name = _PART_NAMES[number]
    if suite.bulk.protection is Protection.AEAD_EXPLICIT:
        return name.replace("IV", "salt")
    return name


def _about_parts(one: Round, suite: Suite) -> str:
    """Return why some parts are empty, and how a record uses the others."""
    assert suite.bulk is not None
    bulk = suite.bulk
    if bulk.protection is Protection.AEAD_EXPLICIT:
        return (
            f"{bulk.name} proves each record by itself ({bulk.tag_length} bytes of tag): no MAC keys. The "
            "salt and 8 bytes that each record brings are its nonce."
        )
    if bulk.protection is Protection.AEAD_IMPLICIT:
        return (
            f"{bulk.name} proves each record by itself ({bulk.tag_length} bytes of tag): no MAC keys. The "
            "IV and the record's number are its nonce."
        )
    mac = f"HMAC-{(suite.mac or '').upper()} proves each record"
    if bulk.protection is Protection.NULL:
        return f"{mac}; nothing is encrypted: no keys, no IVs."
    if bulk.protection is Protection.STREAM:
        return f"{mac}. A stream cipher needs no IV, and a record can be read only behind all before it."
    exchange = one.exchange
    etm = exchange is not None and exchange.encrypt_then_mac
    order = (
        "over what was encrypted (encrypt-then-MAC)"
        if etm
        else "over the plaintext, then encrypted"
    )
    if one.version < Version.TLS11:
        ivs = "The IVs are for the first record; each later one goes on from the one before."
    else:
        ivs = "No IVs: each record brings its own."
    return f"{mac}, {order}. {ivs}"


def _finished(one: Round, suite: Suite) -> Iterator[Derived]:
    exchange = one.exchange
    assert exchange is not None
    size = 36 if one.version == Version.SSL3 else 12
    for role, who in ((CLIENT, "client"), (SERVER, "server")):
        if one.first(role, HandshakeType.finished) is None and exchange.master is None:
            continue
        if one.version == Version.SSL3:
            how = f'MD5 and SHA over handshake messages, "{who[:4].upper()}" and the master secret'
        else:
            how = f'{_prf(one, suite)}(master secret, "{who} finished", Hash(handshake messages))'
        verified = exchange.finished_verified[role]
        note = {
            True: f"The {who}'s Finished holds exactly this: verified.",
            False: f"The {who}'s Finished holds something else: NOT verified.",
            None: f"The {who}'s Finished could not be checked.",
        }[verified]
        yield Derived(
            f"{who} verify_data", size, how, bool(verified), note=note, public=verified is None
        )


def _newer(one: Round) -> bool:
    return one.version >= Version.TLS12 and one.version != Version.DTLS10


def _prf(one: Round, suite: Suite) -> str:
    """Return ``PRF[SHA-384]``: which hash it is made with."""
    return f"PRF[{_hash_name(suite)}]" if _newer(one) else "PRF[MD5 xor SHA-1]"


def _hash_name(suite: Suite) -> str:
    return suite.prf_hash.upper().replace("SHA", "SHA-")
