"""Where the time of a handshake went: a few stretches, and who had to do something in each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tqdecrypt.explain.model import Phase, Step

__all__ = ["phases_of"]


class _Stretch(NamedTuple):
    name: str
    side: str
    begins: tuple[tuple[str, str], ...]
    """Sender and name of steps, the first of these that there is."""
    ends: tuple[tuple[str, str], ...]
    note: str


_FINISHED = ("Finished", "Finished (encrypted)", "ChangeCipherSpec")


def _of(sender: str, *names: str) -> tuple[tuple[str, str], ...]:
    return tuple((sender, name) for name in names)


_STRETCHES = (
    _Stretch(
        "TCP connect",
        "network",
        _of("client", "TCP SYN"),
        _of("server", "TCP SYN, ACK"),
        "one round trip, seen from the capture point",
    ),
    _Stretch(
        "until the ClientHello",
        "client",
        _of("server", "TCP SYN, ACK"),
        _of("client", "ClientHello"),
        "",
    ),
    _Stretch(
        "ClientHello to ServerHello",
        "server",
        _of("client", "ClientHello"),
        _of("server", "HelloRetryRequest", "HelloVerifyRequest", "ServerHello"),
        "the server chooses; the way from the capture point to it and back is in here",
    ),
    _Stretch(
        "ServerHelloDone to ClientKeyExchange",
        "client",
        _of("server", "ServerHelloDone"),
        _of("client", "ClientKeyExchange"),
        "the client checks the certificate and makes its half of the secret",
    ),
    _Stretch(
        "ClientKeyExchange to server Finished",
        "server",
        _of("client", "ClientKeyExchange"),
        _of("server", *_FINISHED),
        "the server's private-key operation is in here",
    ),
    _Stretch(
        "ServerHello to client Finished",
        "client",
        _of("server", "ServerHello"),
        _of("client", "Finished", "encrypted handshake"),
        "the client checks the certificate, where there is one",
    ),
)


def phases_of(steps: Sequence[Step]) -> tuple[Phase, ...]:
    """Return the stretches of the first handshake that were captured, and the whole."""
    first = [step for step in steps if step.handshake == 1]
    found = []
    names = {step.name for step in first}
    for stretch in _STRETCHES:
        classic = "ClientKeyExchange" in names
        if classic and stretch.name == "ServerHello to client Finished":
            continue
        begin = _find(first, stretch.begins)
        end = _find(first, stretch.ends)
        if begin is not None and end is not None and begin.frame < end.frame:
            took = end.time - begin.time
            found.append(Phase(stretch.name, stretch.side, took, stretch.note))
    if found:
        found.append(_whole(first))
    return tuple(found)


def _whole(steps: Sequence[Step]) -> Phase:
    refused = [step for step in steps if step.name.startswith("Alert ") and step.look == "bad"]
    if refused:
        return Phase("all of it", "both", refused[0].time - steps[0].time, "until it was refused")
    last = [step for step in steps if step.name in (*_FINISHED, "encrypted handshake")]
    if not last:
        return Phase("all of it", "both", steps[-1].time - steps[0].time, "as far as it came")
    return Phase("all of it", "both", last[-1].time - steps[0].time, "from the first packet on")


def _find(steps: Sequence[Step], wanted: tuple[tuple[str, str], ...]) -> Step | None:
    for sender, name in wanted:
        for step in steps:
            if step.sender == sender and step.name == name:
                return step
    return None
