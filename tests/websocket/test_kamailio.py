"""A SIP proxy's WebSocket: what Kamailio says comes out, and tshark sees the same."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from websockets.client import ClientProtocol
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from kit import Conversation, tcp_packets, write_pcap
from kit.kamailio import kamailio, module_folder
from kit.peers import tshark_fields
from kit.ports import free_port
from kit.tls import Flight
from tqdecrypt.sip import Flow, Message, WebSocketFramer

from .peer import Peers, Sent

MODULES = module_folder("websocket")
CONFIGURATION = """
tcp_accept_no_cl=yes
listen=tcp:127.0.0.1:{port}
loadmodule "pv.so"
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "xhttp.so"
loadmodule "websocket.so"
modparam("websocket", "keepalive_mechanism", 0)
request_route {{
    sl_send_reply("200", "OK");
}}
event_route[xhttp:request] {{
    if ($hdr(Upgrade) =~ "websocket") {{
        if (ws_handle_handshake()) {{ exit; }}
    }}
    xhttp_reply("404", "Not Found", "", "");
}}
"""


def options(number: int) -> bytes:
    lines = [
        "OPTIONS sip:edge.example.com SIP/2.0",
        f"Via: SIP/2.0/WS df7jal23ls0d.invalid;branch=z9hG4bK{number};rport",
        "Max-Forwards: 70",
        "From: <sip:ada@example.com>;tag=1",
        "To: <sip:edge.example.com>",
        f"Call-ID: {number}@df7jal23ls0d.invalid",
        f"CSeq: {number} OPTIONS",
        "Content-Length: 0",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def converse(port: int, number: int) -> list[Sent]:
    """Send requests over a WebSocket to *port*; return what both sides sent."""
    client = ClientProtocol(parse_uri(f"ws://127.0.0.1:{port}/"), subprotocols=[Subprotocol("sip")])
    sent: list[Sent] = []
    with socket.create_connection(("127.0.0.1", port), 10) as connection:

        def exchange() -> None:
            for data in client.data_to_send():
                if data:
                    sent.append(Sent(True, data))
                    connection.sendall(data)
            answer = connection.recv(65536)
            sent.append(Sent(False, answer))
            client.receive_data(answer)

        client.send_request(client.connect())
        exchange()
        assert client.state.name == "OPEN", client.handshake_exc
        for one in range(1, number + 1):
            client.send_text(options(one))
            exchange()
        client.send_ping(b"?")
        exchange()
    return sent


@pytest.mark.peer("kamailio")
@pytest.mark.skipif(MODULES is None, reason="apt-get install kamailio-websocket-modules")
def test_kamailio(tmp_path: Path) -> None:
    port = free_port()
    with kamailio(tmp_path, CONFIGURATION.format(port=port), port):
        sent = converse(port, 3)
    framer = WebSocketFramer(Flow(f"127.0.0.1:{port}", "127.0.0.1:1", "TCP", "clear"))
    messages: list[Message] = []
    framer.receive_all([(data, 1, 1) for client, data in sent if not client], messages)
    assert [(one.status, one.cseq, one.flow.transport) for one in messages] == [
        (200, number, "WS") for number in (1, 2, 3)
    ]
    assert framer.counters == {"websocket_control_frames": 1}


@pytest.mark.peer("tshark")
def test_tshark_sees_the_same_messages(tmp_path: Path) -> None:
    peers = Peers().open()
    for number in range(1, 4):
        peers.say(True, options(number), pieces=number)
    flights = [Flight(client, data) for client, data in peers.sent]
    packets = tcp_packets(flights, Conversation(server=("192.0.2.20", 80)))
    path = write_pcap(tmp_path / "ws.pcap", packets)
    seen = [row[0] for row in tshark_fields(path, "sip", "sip.Call-ID")]
    framer = WebSocketFramer(Flow("192.0.2.10:1", "192.0.2.20:80", "TCP", "clear"))
    messages: list[Message] = []
    framer.receive_all([(peers.bytes_from(True), 1, 1)], messages)
    assert [message.call_id for message in messages] == seen
    assert len(seen) == 3
