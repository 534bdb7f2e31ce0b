"""Tells every handshake message, by a table; see the modules of its tellers."""

from __future__ import annotations

from tqdecrypt.errors import Malformed
from tqdecrypt.explain import certificates, hellos, key_exchange
from tqdecrypt.explain.model import Look
from tqdecrypt.explain.reading import Message
from tqdecrypt.explain.telling import Scene, Teller, Told, count, fact, whose
from tqdecrypt.tls.constants import HandshakeType
from tqdecrypt.tls.handshake_details import pull_ticket

__all__ = ["name_of", "tell"]


def tell(scene: Scene, message: Message) -> Told:
    """Return what one message says; what cannot be read says so."""
    teller = _TELLERS.get(message.kind, _tell_other)
    try:
        return teller(scene, message)
    except Malformed as error:
        return Told(
            f"This message is damaged, or not what the specification says: {error}.",
            (fact("size", count(len(message.body), "byte")),),
            look="bad",
        )


def name_of(kind: int) -> str:
    """Return what a message is called in the specifications: ``ServerHelloDone``."""
    try:
        words = HandshakeType(kind).name.split("_")
    except ValueError:
        return f"handshake message {kind}"
    return "".join(word.capitalize() for word in words)


def _tell_hello_request(scene: Scene, message: Message) -> Told:
    return Told("The server asks the client to shake hands again.")


def _tell_done(scene: Scene, message: Message) -> Told:
    return Told("The server has said everything; it is the client's turn.")


def _tell_finished(scene: Scene, message: Message) -> Told:
    who, other = whose(message), whose(message._replace(role=1 - message.role))
    exchange = scene.round.exchange
    verified = exchange.finished_verified[message.role] if exchange is not None else None
    look: Look = "plain" if verified is None else "good" if verified else "bad"
    words = {
        True: "verified: the secrets are the right ones, and nothing of the handshake was changed",
        False: "does NOT verify: other secrets, or a handshake that was changed on its way",
        None: "could not be checked: messages that it covers are missing",
    }[verified]
    return Told(
        f"The first message that the {who} encrypts: a check sum over the whole handshake, made with the "
        f"new secret. The {other} compares it with its own.",
        (fact("check", words, look=look),),
        look=look,
    )


def _tell_ticket(scene: Scene, message: Message) -> Told:
    ticket = pull_ticket(message.body, scene.round.version)
    facts = [
        fact("ticket", count(len(ticket.ticket), "byte")),
        fact("lifetime", f"{ticket.lifetime:,} seconds" if ticket.lifetime else "not said"),
    ]
    if ticket.early_data is not None:
        facts.append(fact("early data", f"up to {ticket.early_data:,} bytes"))
    return Told(
        "A ticket by which the client may take up this session later, without certificate"
        f"{'' if scene.round.tls13 else ' and key exchange'}. Such a later session can be decrypted only "
        "when this one is known.",
        tuple(facts),
    )


def _tell_key_update(scene: Scene, message: Message) -> Told:
    asked = message.body[:1] == b"\x01"
    who = whose(message)
    says = (
        f"From here on the {who} encrypts with the next keys: its traffic secret is hashed on (label "
        '"traffic upd"), so that who has the one before has this one, too.'
    )
    wish = "yes" if asked else "no"
    return Told(says, (fact("the other end, too", wish),))


def _tell_end_of_early_data(scene: Scene, message: Message) -> Told:
    return Told("The client's early data ends here; what follows uses the handshake's keys.")


def _tell_other(scene: Scene, message: Message) -> Told:
    return Told(
        "A message of an extension; it has no part in how the keys come about.",
        (fact("size", count(len(message.body), "byte")),),
    )


_TELLERS: dict[int, Teller] = {
    HandshakeType.hello_request: _tell_hello_request,
    HandshakeType.client_hello: hellos.tell_client_hello,
    HandshakeType.server_hello: hellos.tell_server_hello,
    HandshakeType.hello_verify_request: hellos.tell_hello_verify,
    HandshakeType.new_session_ticket: _tell_ticket,
    HandshakeType.end_of_early_data: _tell_end_of_early_data,
    HandshakeType.encrypted_extensions: hellos.tell_encrypted_extensions,
    HandshakeType.certificate: certificates.tell_certificate,
    HandshakeType.server_key_exchange: key_exchange.tell_server_key_exchange,
    HandshakeType.certificate_request: certificates.tell_certificate_request,
    HandshakeType.server_hello_done: _tell_done,
    HandshakeType.certificate_verify: certificates.tell_certificate_verify,
    HandshakeType.client_key_exchange: key_exchange.tell_client_key_exchange,
    HandshakeType.finished: _tell_finished,
    HandshakeType.certificate_status: certificates.tell_certificate_status,
    HandshakeType.key_update: _tell_key_update,
    HandshakeType.compressed_certificate: certificates.tell_compressed_certificate,
}
