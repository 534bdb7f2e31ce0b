"""SIP as a PBX and an SBC speak it: whole transactions and calls, every value made up.

A :class:`Scene` is two user agents.  Each of its methods returns the messages of one exchange in
order; Call-IDs, branches and tags are fresh each time and the same in every run::

    for message in Scene().answered_call():
        pair.say(message.from_client, message.data)

Numbers come from the ranges kept for fiction (+44 20 7946 0xxx, +1 202 555 01xx), addresses from
RFC 5737.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from kit.packets import CLIENT, SERVER, Endpoint

__all__ = ["Scene", "SipMessage"]


class SipMessage(NamedTuple):
    """One message and who sent it."""

    from_client: bool
    data: bytes


_REASONS = {
    100: "Trying",
    180: "Ringing",
    200: "OK",
    401: "Unauthorized",
    404: "Not Found",
    486: "Busy Here",
    487: "Request Terminated",
}


@dataclass(slots=True)
class _Dialog:
    """What the messages of one exchange share."""

    scene: Scene
    number: int
    caller: str
    callee: str
    call_id: str
    sequence: int = 1

    def request(
        self,
        method: str,
        *,
        branch: int = 0,
        in_dialog: bool = False,
        uri: str | None = None,
        extra: tuple[str, ...] = (),
        body: str = "",
    ) -> SipMessage:
        scene = self.scene
        start = f"{method} {uri or scene.uri(self.callee, scene.server)} SIP/2.0"
        headers = [*self._common(method, branch, in_dialog), "Max-Forwards: 70"]
        if method in ("INVITE", "OPTIONS", "REGISTER"):
            headers.append(f"Contact: <{scene.uri(self.caller, scene.client)}>")
        headers.append("User-Agent: Example PBX 4.2")
        return SipMessage(True, _message(start, [*headers, *extra], body))

    def response(
        self,
        status: int,
        method: str = "INVITE",
        *,
        branch: int = 0,
        extra: tuple[str, ...] = (),
        body: str = "",
    ) -> SipMessage:
        headers = self._common(method, branch, status > 100)
        if method == "INVITE" and 100 < status < 300:
            headers.append(f"Contact: <{self.scene.uri(self.callee, self.scene.server)}>")
        headers.append("Server: Example SBC 9.0")
        start = f"SIP/2.0 {status} {_REASONS[status]}"
        return SipMessage(False, _message(start, [*headers, *extra], body))

    def _common(self, method: str, branch: int, to_tag: bool) -> list[str]:
        scene = self.scene
        host, port = scene.client
        tag = f";tag=b{self.number:05x}" if to_tag else ""
        return [
            f"Via: SIP/2.0/{scene.transport} {host}:{port};branch=z9hG4bK{self.number:05x}{branch}",
            f"From: <{scene.uri(self.caller, scene.client)}>;tag=a{self.number:05x}",
            f"To: <{scene.uri(self.callee, scene.server)}>{tag}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {self.sequence} {method}",
        ]

    def sdp(self, host: str, port: int) -> str:
        lines = (
            "v=0",
            f"o=- {self.number} 1 IN IP4 {host}",
            "s=-",
            f"c=IN IP4 {host}",
            "t=0 0",
            f"m=audio {port} RTP/AVP 8 0 101",
            "a=rtpmap:8 PCMA/8000",
            "a=rtpmap:0 PCMU/8000",
            "a=rtpmap:101 telephone-event/8000",
            "a=fmtp:101 0-15",
            "a=ptime:20",
            "a=sendrecv",
        )
        return "".join(f"{line}\r\n" for line in lines)


def _message(start: str, headers: list[str], body: str) -> bytes:
    if body:
        headers = [*headers, "Content-Type: application/sdp"]
    headers = [*headers, f"Content-Length: {len(body.encode())}"]
    return "".join(f"{line}\r\n" for line in [start, *headers, ""]).encode() + body.encode()


@dataclass(slots=True)
class Scene:
    """A client that calls through a server; each method is one exchange."""

    transport: str = "TLS"
    client: Endpoint = CLIENT
    server: Endpoint = SERVER
    name: str = "scene"
    """Goes into the Call-IDs: scenes of one capture need different names."""
    call_ids: list[str] = field(default_factory=list)
    """Of every exchange so far, in order."""

    def answered_call(self) -> list[SipMessage]:
        """INVITE, 100, 180, 200, ACK, BYE, 200: seven messages."""
        call = self._dialog()
        invite = call.request("INVITE", body=call.sdp(self.client[0], 30000))
        answer = call.response(200, body=call.sdp(self.server[0], 40000))
        messages = [invite, call.response(100), call.response(180), answer]
        messages.append(call.request("ACK", branch=1, in_dialog=True))
        call.sequence += 1
        messages.append(call.request("BYE", branch=2, in_dialog=True))
        return [*messages, call.response(200, "BYE", branch=2)]

    def busy_call(self) -> list[SipMessage]:
        """INVITE, 100, 486, ACK."""
        return self._rejected_call(486)

    def not_found_call(self) -> list[SipMessage]:
        """INVITE, 100, 404, ACK."""
        return self._rejected_call(404)

    def cancelled_call(self) -> list[SipMessage]:
        """INVITE, 100, 180, CANCEL, 200, 487, ACK."""
        call = self._dialog()
        return [
            call.request("INVITE", body=call.sdp(self.client[0], 30000)),
            call.response(100),
            call.response(180),
            call.request("CANCEL"),
            call.response(200, "CANCEL"),
            call.response(487),
            call.request("ACK", in_dialog=True),
        ]

    def registration(self) -> list[SipMessage]:
        """REGISTER, 401, REGISTER with credentials, 200."""
        dialog = self._dialog()
        dialog.callee = dialog.caller
        registrar = f"sip:{self.server[0]}"
        challenge = 'Digest realm="example.com", nonce="6f1a", algorithm=MD5, qop="auth"'
        credentials = (
            f'Digest username="{dialog.caller}", realm="example.com", nonce="6f1a", '
            f'uri="{registrar}", response="{"0" * 32}", qop=auth, nc=00000001, cnonce="1"'
        )
        first = dialog.request("REGISTER", uri=registrar, extra=("Expires: 3600",))
        refused = dialog.response(401, "REGISTER", extra=(f"WWW-Authenticate: {challenge}",))
        dialog.sequence += 1
        extra = (f"Authorization: {credentials}", "Expires: 3600")
        again = dialog.request("REGISTER", branch=1, uri=registrar, extra=extra)
        contact = f"Contact: <{self.uri(dialog.caller, self.client)}>;expires=3600"
        accepted = dialog.response(200, "REGISTER", branch=1, extra=(contact,))
        return [first, refused, again, accepted]

    def options(self) -> list[SipMessage]:
        """OPTIONS, 200: the ping of a trunk."""
        ping = self._dialog()
        allow = "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS"
        return [ping.request("OPTIONS"), ping.response(200, "OPTIONS", extra=(allow,))]

    def everything(self) -> list[SipMessage]:
        """Each exchange once: 28 messages, 6 Call-IDs, 4 calls."""
        exchanges = (
            self.registration(),
            self.options(),
            self.answered_call(),
            self.busy_call(),
            self.cancelled_call(),
            self.not_found_call(),
        )
        return [message for exchange in exchanges for message in exchange]

    def uri(self, user: str, endpoint: Endpoint) -> str:
        """Return the SIP URI of *user* at *endpoint*."""
        host = f"[{endpoint[0]}]" if ":" in endpoint[0] else endpoint[0]
        transport = "" if self.transport == "UDP" else f";transport={self.transport.lower()}"
        return f"sip:{user}@{host}:{endpoint[1]}{transport}"

    def _rejected_call(self, status: int) -> list[SipMessage]:
        call = self._dialog()
        invite = call.request("INVITE", body=call.sdp(self.client[0], 30000))
        ack = call.request("ACK", in_dialog=True)
        return [invite, call.response(100), call.response(status), ack]

    def _dialog(self) -> _Dialog:
        number = len(self.call_ids) + 1
        call_id = f"{self.name}-{number}@{self.client[0]}"
        self.call_ids.append(call_id)
        caller, callee = f"+4420794600{number % 100:02}", f"+120255501{number % 100:02}"
        return _Dialog(self, number, caller, callee, call_id)
