"""Tells which earlier session another one takes up."""

from __future__ import annotations

from collections.abc import Iterator

from tqdecrypt.errors import Malformed
from tqdecrypt.explain.model import Fact
from tqdecrypt.explain.reading import Round
from tqdecrypt.explain.telling import Scene, fact
from tqdecrypt.tls.constants import ExtensionType
from tqdecrypt.tls.pickup import ticket_digest
from tqdecrypt.tls.psk13 import pull_psk_offer
from tqdecrypt.tls.recording import Recording

__all__ = ["describe_resumption", "earlier_session", "issuer_of"]


def issuer_of(recording: Recording, one: Round) -> int | None:
    """Return which session of the capture issued what *one* resumes; ``None`` when that was not seen."""
    exchange, hello = one.exchange, one.client_hello
    if exchange is None or hello is None or exchange.resumed_by is None:
        return None
    keys: list[bytes] = []
    if exchange.resumed_by == "psk":
        keys = [ticket_digest(identity) for identity in _chosen_identity(one)]
    elif exchange.resumed_by == "ticket":
        keys = [ticket_digest(hello.ticket)]
    else:
        keys = [hello.session_id]
    found = (recording.issuers.get(key) for key in keys if key)
    number = next((number for number in found if number is not None), None)
    # A session that is resumed, and whose first handshake was not seen, seems to have issued it itself.
    return None if number == recording.number and not one.renegotiated else number


def earlier_session(recording: Recording, one: Round) -> str | None:
    """Return in words which session *one* takes up; ``None`` when that was not seen."""
    issuer = issuer_of(recording, one)
    if issuer is None:
        return None
    if issuer == recording.number:
        return "the handshake before it in this session"
    return f"session {issuer} of this capture"


def _chosen_identity(one: Round) -> list[bytes]:
    """Return the identity of the pre-shared key that the server took (RFC 8446 section 4.2.11)."""
    hello, answer = one.client_hello, one.server_hello
    if hello is None or answer is None:
        return []
    index = int.from_bytes(answer.extensions.get(ExtensionType.pre_shared_key, b""), "big")
    try:
        offer = pull_psk_offer(hello.extensions.get(ExtensionType.pre_shared_key, b""))
    except Malformed:
        return []
    return list(offer.identities[index : index + 1])


def _offered(one: Round) -> bool:
    """Return whether the client wanted to take up an earlier session."""
    hello = one.client_hello
    if hello is None:
        return False
    if one.tls13:
        return ExtensionType.pre_shared_key in hello.extensions
    return bool(hello.ticket or hello.session_id)


def describe_resumption(scene: Scene) -> Iterator[Fact]:
    """Yield whether an earlier session is taken up, and which."""
    exchange = scene.round.exchange
    if exchange is None:
        return
    if exchange.resumed_by is None:
        if exchange.full and _offered(scene.round):
            yield fact(
                "resumed", "no: the server did not take up what the client offered", look="dim"
            )
        return
    if exchange.external_psk:
        yield fact("resumed", "no: the pre-shared key is one that was given", look="good")
        return
    earlier = earlier_session(scene.recording, scene.round)
    if earlier is not None:
        yield fact("resumed", f"{earlier}, by {exchange.resumed_by}")
    else:
        yield fact(
            "resumed",
            f"a session whose first handshake is not readable in this capture, by {exchange.resumed_by}",
            look="notice",
        )
