"""The kit's traffic is what it says: tshark, openssl and the standard library agree."""

from __future__ import annotations

import gzip
import subprocess
from collections import Counter
from pathlib import Path

import pytest
import zstandard
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key, pkcs12
from hypothesis import given
from hypothesis import strategies as st

from kit import (
    Conversation,
    LinkType,
    Packet,
    Scene,
    SipMessage,
    Switch,
    TlsPair,
    Version,
    apply,
    certificates,
    cut_snaplen,
    drop,
    duplicate,
    fragment,
    interleave,
    keepalive,
    overlap,
    pcap_bytes,
    peers,
    reorder,
    retransmit,
    split_segments,
    start_at,
    swap_adjacent,
    tcp_packets,
    with_payload,
    write_pcap,
    write_pcapng,
)
from kit.capture import ByteOrder, read_pcap
from kit.damage import Damage, retime, rtp_at, rtp_of
from kit.packets import ACK, FIN, PSH, SYN

tshark_needed = pytest.mark.peer("tshark")
CHECKSUMS = [
    part for name in ("ip", "tcp", "udp") for part in ("-o", f"{name}.check_checksum:TRUE")
]
WRONG = "_ws.malformed || ip.checksum.status == 0 || tcp.checksum.status == 0"
WRONG += " || udp.checksum.status == 0"


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return certificates.server().write(tmp_path).key


SWITCHES = (
    Switch(0),
    Switch.NO_EXTENDED_MASTER_SECRET,
    Switch.NO_ENCRYPT_THEN_MAC,
    Switch.NO_TICKET,
)


def start_lines(messages: list[SipMessage]) -> list[str]:
    return [message.data.split(b"\r\n")[0].decode() for message in messages]


def side_by_side(pairs: list[TlsPair]) -> list[Packet]:
    """Put sessions into one capture, one after the other, each with a client port of its own."""
    talks = [Conversation(client=("192.0.2.10", 40000 + i)) for i in range(len(pairs))]
    lists = [tcp_packets(pair.flights, talk) for pair, talk in zip(pairs, talks, strict=True)]
    return [packet for packets in lists for packet in packets]


def call(scene: Scene | None = None) -> tuple[TlsPair, list[str]]:
    """Return a TLS session with one call in it, and the start lines of its messages."""
    pair = TlsPair(mutual=True)
    messages = (scene or Scene()).answered_call()
    for message in messages:
        pair.say(*message)
    pair.close()
    return pair, start_lines(messages)


def payload(packets: list[Packet], from_port: int = 40000) -> dict[int, int]:
    """Return sequence number -> byte for one direction, whatever the segments look like."""
    stream: dict[int, int] = {}
    for packet in packets:
        segment = packet.segment
        if segment and segment.source[1] == from_port:
            for i, byte in enumerate(segment.payload):
                stream[segment.sequence + i] = byte
    return stream


# --- certificates -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [1024, 2048, "ec"])
def test_identities_are_signed_by_the_authority(kind: certificates.RsaBits) -> None:
    server = certificates.server(kind)
    server.certificate.verify_directly_issued_by(certificates.authority().certificate)
    assert server is certificates.server(kind)
    assert server.certificate.public_key() == server.key.public_key()


@pytest.mark.full
@pytest.mark.parametrize("bits", [3072, 4096])
def test_long_keys_are_as_long_as_asked_for(bits: certificates.RsaBits) -> None:
    assert certificates.rsa_key(bits).key_size == bits
    assert TlsPair(server_cert=certificates.server(bits)).failure is None


def test_identities_survive_every_encoding(tmp_path: Path) -> None:
    server = certificates.server()
    files = server.write(tmp_path, "sbc")
    number = server.key.public_key()
    assert load_pem_private_key(files.key.read_bytes(), None).public_key() == number
    assert load_pem_private_key(server.key_pem(b"secret"), b"secret").public_key() == number
    chain = x509.load_pem_x509_certificates(files.certificate.read_bytes())
    assert chain == [server.certificate, certificates.authority().certificate]
    bundle = pkcs12.load_pkcs12(server.pkcs12(b"secret"), b"secret")
    assert isinstance(bundle.key, rsa.RSAPrivateKey)
    assert bundle.key.public_key() == number


@pytest.mark.peer("openssl")
def test_openssl_takes_the_diffie_hellman_group_for_ffdhe2048(tmp_path: Path) -> None:
    file = tmp_path / "dh.pem"
    file.write_bytes(certificates.diffie_hellman_pem())
    told = subprocess.run(
        ["openssl", "dhparam", "-in", file, "-text", "-noout", "-check"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "ffdhe2048" in told.stdout


# --- TLS --------------------------------------------------------------------------------------


@tshark_needed
def test_every_version_opens_with_the_key(key: Path, tmp_path: Path) -> None:
    versions = (Version.TLSv1, Version.TLSv1_1, Version.TLSv1_2)
    settings = [(version, option) for version in versions for option in SWITCHES]
    pairs = [TlsPair(version=v, ciphers="AES256-SHA", options=o) for v, o in settings]
    ping = Scene().options()
    for pair in pairs:
        for message in ping:
            pair.say(*message)
        pair.close()
    capture = write_pcap(tmp_path / "a.pcap", side_by_side(pairs))
    found = peers.tshark_sip_streams(capture, key=key)
    assert found == dict.fromkeys(range(len(pairs)), start_lines(ping))

    extended = "tls.handshake.type == 2 && tls.handshake.extension.type == 23"
    assert [int(stream) for (stream,) in peers.tshark_fields(capture, extended, "tcp.stream")] == [
        i for i, (_, o) in enumerate(settings) if o is not Switch.NO_EXTENDED_MASTER_SECRET
    ]


@tshark_needed
def test_resumed_sessions_open_with_the_key_log(tmp_path: Path) -> None:
    pairs, secrets = [], []
    ping = Scene().options()
    for version in (Version.TLSv1_2, Version.TLSv1_3):
        for option in (Switch(0), Switch.NO_TICKET):
            first = TlsPair(version=version, options=option)
            second = TlsPair(version=version, resume_from=first)
            assert (first.resumed, second.resumed) == (False, True)
            for message in ping:
                second.say(*message)
            second.close()
            pairs.append(second)
            secrets += second.keylog_lines
    keylog = tmp_path / "keys.log"
    keylog.write_text("".join(f"{line}\n" for line in secrets))
    capture = write_pcap(tmp_path / "a.pcap", side_by_side(pairs))
    assert peers.tshark_sip(capture) == []
    found = peers.tshark_sip_streams(capture, keylog=keylog)
    assert found == dict.fromkeys(range(4), start_lines(ping))


@pytest.mark.parametrize(
    ("pair", "alert"),
    [
        (lambda: TlsPair(client_trusts=certificates.stranger_authority()), 48),
        (lambda: TlsPair(ciphers="AES128-SHA", server_ciphers="AES256-SHA"), 40),
        (lambda: TlsPair(server_cert=certificates.expired_server()), 45),
        (lambda: TlsPair(mutual=True, without_client_cert=True), 40),
        (lambda: TlsPair(mutual=True, client_cert=certificates.stranger()), 48),
    ],
    ids=["unknown CA", "no shared suite", "expired", "no client certificate", "unknown client"],
)
def test_failed_handshakes_end_with_the_alert(pair: type[TlsPair], alert: int) -> None:
    failed = pair()
    assert failed.failure
    assert failed.flights[-1].data[0] == 21
    assert failed.flights[-1].data[-2:] == bytes([2, alert])


@pytest.mark.parametrize(
    "suite", ["DHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-SHA384", "NULL-SHA256", "AES256-CCM"]
)
def test_suites_are_what_was_asked_for(suite: str) -> None:
    pair = TlsPair(ciphers=suite)
    assert (pair.suite, pair.failure) == (suite, None)


def test_elliptic_keys_and_early_server_words_work() -> None:
    pair = TlsPair(ciphers="ECDHE-ECDSA-AES128-GCM-SHA256", server_cert=certificates.server("ec"))
    pair.say(False, b"server first")
    pair.say(True, b"x" * 100_000)
    pair.close(from_client=False)
    assert [flight.from_client for flight in pair.flights[-4:]] == [False, True, False, True]


def test_what_is_said_is_cut_into_records_of_the_asked_size() -> None:
    pair = TlsPair(ciphers="NULL-SHA256", keylog=False)
    pair.say(True, b"abcdefgh", record_size=3)
    flight = pair.flights[-1].data
    assert [part in flight for part in (b"abc", b"def", b"gh", b"abcd")] == [
        True,
        True,
        True,
        False,
    ]
    assert flight.count(b"\x17\x03\x03") == 3
    assert pair.keylog_lines == []
    assert pair.sent(True).endswith(flight)


# --- packets ----------------------------------------------------------------------------------


@pytest.mark.parametrize("ipv6", [False, True], ids=["IPv4", "IPv6"])
@tshark_needed
def test_tshark_opens_calls_on_every_link_type(ipv6: bool, key: Path, tmp_path: Path) -> None:
    pair, lines = call()
    addresses = ("2001:db8::10", "2001:db8::20") if ipv6 else ("192.0.2.10", "192.0.2.20")
    other_version = LinkType.IPV4 if ipv6 else LinkType.IPV6
    link_types = [link_type for link_type in LinkType if link_type != other_version]
    packets = []
    for port, link_type in enumerate(link_types, 40000):
        ends = ((addresses[0], port), (addresses[1], 5061))
        packets += tcp_packets(pair.flights, Conversation(*ends, link_type=link_type, mss=500))
    capture = write_pcapng(tmp_path / "a.pcapng", packets)
    found = peers.tshark_sip_streams(capture, key=key)
    assert found == dict.fromkeys(range(len(link_types)), lines)
    assert peers.tshark(capture, *CHECKSUMS, "-Y", f"{WRONG} || tcp.analysis.flags", key=key) == ""


@pytest.mark.parametrize("vlan", [(7,), (100, 7)], ids=["802.1Q", "802.1ad"])
@tshark_needed
def test_tshark_reads_the_vlan_tags(vlan: tuple[int, ...], key: Path, tmp_path: Path) -> None:
    pair, lines = call()
    capture = write_pcap(tmp_path / "a.pcap", tcp_packets(pair.flights, Conversation(vlan=vlan)))
    assert peers.tshark_sip(capture, key=key) == lines
    seen = peers.tshark(capture, "-c", "1", "-T", "fields", "-e", "vlan.id", "-e", "ieee8021ad.id")
    assert sorted(map(int, seen.replace(",", "\t").split())) == sorted(vlan)


@tshark_needed
def test_sequence_numbers_wrap(key: Path, tmp_path: Path) -> None:
    pair, lines = call()
    wrapping = Conversation(client_sequence=2**32 - 500, server_sequence=2**32 - 900)
    capture = write_pcap(tmp_path / "a.pcap", tcp_packets(pair.flights, wrapping))
    assert wrapping.client_sequence < 10_000
    assert peers.tshark_sip(capture, key=key) == lines
    assert peers.tshark(capture, *CHECKSUMS, "-Y", f"{WRONG} || tcp.analysis.flags") == ""


@pytest.mark.parametrize("ipv6", [False, True], ids=["IPv4", "IPv6"])
@tshark_needed
def test_datagrams_and_their_fragments(ipv6: bool, tmp_path: Path) -> None:
    talk = Conversation(server=("192.0.2.20", 5060)) if not ipv6 else Conversation(ipv6=True)
    for message in Scene("UDP").answered_call():
        talk.datagram(*message)
    parts = apply(talk.packets, fragment(256))
    assert len(parts) > len(talk.packets)
    for packets in (talk.packets, parts):
        capture = write_pcap(tmp_path / "a.pcap", packets)
        decode = ("-d", "udp.port==5061,sip", *CHECKSUMS)
        assert peers.tshark(capture, *decode, "-Y", WRONG) == ""
        assert len(peers.tshark(capture, *decode, "-Y", "sip").splitlines()) == 7


def test_a_conversation_is_opened_acknowledged_closed_and_reset() -> None:
    talk = Conversation().open().send(True, b"hello").wait(2).close(False)
    segments = [packet.segment for packet in talk.packets]
    assert [segment.flags for segment in segments if segment] == [
        SYN, SYN | ACK, ACK, PSH | ACK, ACK, FIN | ACK, FIN | ACK, ACK
    ]  # fmt: skip
    assert talk.packets[5].time_ns - talk.packets[4].time_ns == 2_001_000_000
    quiet = Conversation(acknowledge=False).open().send(True, b"x").reset()
    assert len(quiet.packets) == 5
    merged = interleave(talk, Conversation(client=("192.0.2.11", 1)).open().packets)
    assert [p.time_ns for p in merged] == sorted(p.time_ns for p in merged)
    assert len(merged) == 11


# --- damage -----------------------------------------------------------------------------------


def stream_of(*parts: bytes) -> list[Packet]:
    talk = Conversation(acknowledge=False, mss=100).open()
    for part in parts:
        talk.send(True, part)
    return talk.close().packets


TALK = stream_of(bytes(range(250)), b"second" * 30, b"third")
WHOLE = payload(TALK)


@pytest.mark.parametrize(
    "damage",
    [duplicate(), swap_adjacent(), reorder(3), retransmit(4), overlap(3, 40), split_segments(7)],
    ids=["duplicate", "swap", "reorder", "retransmit", "overlap", "split"],
)
def test_harmless_damage_keeps_every_byte(damage: Damage) -> None:
    before = list(TALK)
    after = damage(TALK)
    assert payload(after) == WHOLE
    assert after != TALK == before


@pytest.mark.parametrize(
    ("damage", "analysis"),
    [
        (duplicate(), "tcp.analysis.retransmission"),
        (swap_adjacent(), "tcp.analysis.out_of_order || tcp.analysis.retransmission"),
        (retransmit(4), "tcp.analysis.retransmission || tcp.analysis.out_of_order"),
        (keepalive(5), "tcp.analysis.keep_alive"),
        (drop([4]), "tcp.analysis.lost_segment"),
        (cut_snaplen(80), "frame.cap_len < frame.len"),
    ],
    ids=["duplicate", "swap", "retransmit", "keepalive", "drop", "snap length"],
)
@tshark_needed
def test_tshark_names_the_damage(damage: Damage, analysis: str, tmp_path: Path) -> None:
    plain = write_pcap(tmp_path / "plain.pcap", TALK)
    damaged = write_pcap(tmp_path / "damaged.pcap", damage(TALK))
    if "analysis" in analysis:
        assert peers.tshark(plain, "-Y", analysis) == ""
        assert peers.tshark(damaged, *CHECKSUMS, "-Y", WRONG) == ""
    assert peers.tshark(damaged, "-Y", analysis)


@given(st.integers(0, 2**32 - 1), st.integers(1, 9))
def test_reordering_loses_nothing_and_repeats_itself(seed: int, distance: int) -> None:
    shuffled = reorder(seed, distance)(TALK)
    assert Counter(p.data for p in shuffled) == Counter(p.data for p in TALK)
    assert [p.time_ns for p in shuffled] == [p.time_ns for p in TALK]
    assert shuffled == reorder(seed, distance)(TALK)
    for place, packet in enumerate(shuffled):
        assert abs([p.data for p in TALK].index(packet.data) - place) <= 2 * distance


@pytest.mark.parametrize("nanoseconds", [False, True])
def test_the_media_of_a_finished_capture_is_damaged(tmp_path: Path, nanoseconds: bool) -> None:
    rtp = [bytes([0x80, 0, 0, n, *bytes(4), 0, 0, 0, n % 2, 7]) for n in range(6)]
    control = b"\x80\xc8\x00\x00" + bytes(12)
    talk = Conversation(time_ns=1_000_000_000, step_ns=20_000_000)
    for data in (*rtp, control):
        talk.datagram(True, data)
    path = write_pcap(tmp_path / "media.pcap", talk.packets, nanoseconds=nanoseconds)
    packets = read_pcap(path)
    assert [(one.time_ns, one.data) for one in packets] == [
        (one.time_ns, one.data) for one in talk.packets
    ]
    assert [rtp_of(one) for one in packets] == [*rtp, None]
    assert (rtp_at(packets, 0), rtp_at(packets, 1), rtp_at(TALK, 0)) == ([0, 2, 4], [1, 3, 5], [])
    late = retime({1: packets[3].time_ns + 1})(packets)
    assert [rtp_of(one) for one in late][:5] == [rtp[n] for n in (0, 2, 3, 1, 4)]
    twice = duplicate(5, [2])(packets)
    assert [one.time_ns - packets[2].time_ns for one in twice[2:4]] == [0, 5]
    assert len(twice) == len(packets) + 1


def test_damage_composes_and_says_when_it_cannot() -> None:
    cut = apply(TALK, drop([0]), split_segments(10), cut_snaplen(60))
    assert len(cut) > len(TALK)
    assert {len(p.data) for p in cut} <= set(range(54, 61))
    assert start_at(3)(TALK) == TALK[2:]
    assert [TALK[i] for i in with_payload(TALK)] == swap_adjacent([])(TALK)[3:-3]
    swapped = swap_adjacent([3])(TALK)
    assert (swapped[3].data, swapped[4].data) == (TALK[4].data, TALK[3].data)
    with pytest.raises(ValueError, match="before it is cut"):
        overlap(3, 5)(cut_snaplen(60)(TALK))
    with pytest.raises(ValueError, match="one direction"):
        overlap(0, 5)(TALK)
    with pytest.raises(ValueError, match="multiples of 8"):
        fragment(9)


# --- capture files ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "byte_order", "nanoseconds"),
    [
        ("a.pcap", "<", False),
        ("a.pcap", ">", True),
        ("a.pcap.gz", "<", True),
        ("a.pcap.zst", ">", False),
        ("a.pcapng", "<", False),
        ("a.pcapng", ">", True),
    ],
)
@tshark_needed
def test_tshark_reads_every_dialect(
    name: str, byte_order: ByteOrder, nanoseconds: bool, tmp_path: Path
) -> None:
    talk = Conversation(time_ns=1_700_000_000_123_456_789).open()
    write = write_pcapng if name.endswith("ng") else write_pcap
    capture = write(tmp_path / name, talk.packets, byte_order=byte_order, nanoseconds=nanoseconds)
    if capture.suffix == ".zst":  # not every build of tshark has zstd: the content is what counts
        content = zstandard.decompress(capture.read_bytes())
        capture = capture.with_suffix("")
        capture.write_bytes(content)
    times = [time for (time,) in peers.tshark_fields(capture, "frame", "frame.time_epoch")]
    assert times[0] == ("1700000000.123456789" if nanoseconds else "1700000000.123456000")
    assert len(times) == 3


@tshark_needed
def test_pcapng_holds_several_link_types_and_the_secrets(tmp_path: Path) -> None:
    pair, lines = call()
    packets = tcp_packets(pair.flights)
    other = Conversation(client=("192.0.2.11", 1), link_type=LinkType.LINUX_SLL).open().packets
    capture = write_pcapng(tmp_path / "a.pcapng", [*packets, *other], secrets=pair.keylog_lines)
    assert peers.tshark_sip(capture) == lines
    names = peers.tshark(capture, "-T", "fields", "-e", "frame.interface_name").split()
    assert Counter(names) == {"eth0": len(packets), "eth1": 3}
    with pytest.raises(ValueError, match="one link type"):
        pcap_bytes([*packets, *other])


def test_empty_captures_and_compression(tmp_path: Path) -> None:
    assert len(pcap_bytes([])) == 24
    zipped = write_pcap(tmp_path / "a.pcap.gz", TALK)
    assert gzip.decompress(zipped.read_bytes()) == pcap_bytes(TALK)
    assert write_pcapng(tmp_path / "a.pcapng", []).stat().st_size > 28


# --- SIP --------------------------------------------------------------------------------------


@tshark_needed
def test_tshark_sees_every_exchange_of_a_scene(key: Path, tmp_path: Path) -> None:
    scene, pair = Scene(), TlsPair(ciphers="AES128-SHA", mutual=True)
    messages = scene.everything()
    for message in messages:
        pair.say(*message, record_size=300)
    pair.close()
    capture = write_pcap(tmp_path / "a.pcap", apply(tcp_packets(pair.flights), split_segments(77)))
    assert peers.tshark_sip(capture, key=key) == start_lines(messages)
    assert len(messages) == 28
    assert peers.tshark(capture, *CHECKSUMS, "-Y", WRONG, key=key) == ""
    ids = peers.tshark(capture, "-Y", "sip", "-T", "fields", "-e", "sip.Call-ID", key=key).split()
    assert list(dict.fromkeys(ids)) == scene.call_ids


def test_scenes_repeat_themselves_but_never_a_call_id() -> None:
    assert Scene().everything() == Scene().everything()
    scene = Scene(name="other")
    for exchange in (scene.answered_call, scene.busy_call, scene.cancelled_call, scene.options):
        exchange()
    assert len(set(scene.call_ids)) == 4
    assert not set(scene.call_ids) & set(Scene().call_ids)


@pytest.mark.parametrize("address", ["2001:db8::10", "198.51.100.7"])
def test_bodies_are_as_long_as_they_say(address: str) -> None:
    for message in Scene(client=(address, 5060)).everything():
        head, _, body = message.data.partition(b"\r\n\r\n")
        assert f"Content-Length: {len(body)}".encode() in head
