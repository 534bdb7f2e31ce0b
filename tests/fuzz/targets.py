"""What is fuzzed: a function of bytes each, which asserts what must hold for any bytes at all.

Input that is more than one thing is a script: see :func:`steps`.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import re
import tempfile
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from unittest import mock

from calls.both_ways import differences, followed
from fuzz.material import key_ring, sessions
from fuzz.srtp import PACKETS as SRTP_PACKETS
from fuzz.srtp import keys as srtp_keys
from media.reading import datagram as datagram_at
from media.reading import follow
from packet.frames import Frame, assert_as_specified, block_of
from tcp.segments import Bench, Segment
from tls.datagrams import PassiveDatagrams
from tls.passive import Passive
from tqdecrypt.calls import CallTable
from tqdecrypt.calls.analyser import Analyser
from tqdecrypt.capture import open_captures
from tqdecrypt.errors import Malformed, SecretsError
from tqdecrypt.explain import explain
from tqdecrypt.export import JsonLines
from tqdecrypt.export.explanation import explanation_json
from tqdecrypt.export.hidden_digits import DigitMask
from tqdecrypt.export.spool import Spool
from tqdecrypt.hep import HepStream, looks_like_hep, pull_packet
from tqdecrypt.insight import Analysis
from tqdecrypt.insight.assessor import Assessor
from tqdecrypt.keys import KeyLog, SecretsStore
from tqdecrypt.keys.certificate import read_certificate
from tqdecrypt.keys.formats import Passphrases, read_key_file
from tqdecrypt.masking import Masker, Profile
from tqdecrypt.media.audio import Track
from tqdecrypt.media.audio.packets import pull_payload
from tqdecrypt.media.description import describe
from tqdecrypt.media.rtcp import pull_compound
from tqdecrypt.media.srtp import SrtpOpener, TrialBudget
from tqdecrypt.media.stream import Stream
from tqdecrypt.media.table import MediaTable
from tqdecrypt.media.vq_report import read_report
from tqdecrypt.mirror import Merger, Mirror
from tqdecrypt.query import Kind, QueryError, compile_query, complete, parse
from tqdecrypt.query.syntax import written
from tqdecrypt.sip import (
    Flow,
    Message,
    StreamFramer,
    WebSocketFramer,
    headers,
    index_message,
    parse_datagram,
    parse_message,
    parse_sdp,
    sdp_marks,
)
from tqdecrypt.sip.grammar import find_body
from tqdecrypt.sip.index import index_completely
from tqdecrypt.sip.sdp_attributes import Codec
from tqdecrypt.tls import SecretFinder, WaitingBudget, keying
from tqdecrypt.tls.handshake import (
    pull_certificates,
    pull_certificates13,
    pull_client_hello,
    pull_encrypted_extensions,
    pull_new_session_ticket,
    pull_server_hello,
    pull_sslv2_client_hello,
)
from tqdecrypt.tls.handshake_details import (
    pull_alpn_names,
    pull_certificate_request,
    pull_certificate_verify,
    pull_key_share_groups,
    pull_numbers,
    pull_server_parameters,
    pull_ticket,
)
from tqdecrypt.tls.offer import offer_of
from tqdecrypt.tls.outline import RecordOutline
from tqdecrypt.tls.psk13 import pull_psk_offer
from tqdecrypt.tls.suites import find_suite
from tqdecrypt.tls.watching import Watch
from tqdecrypt.views.explanation_drawing import ExplainedSession

__all__ = ["TARGETS", "script", "steps"]

FLOW = Flow("192.0.2.1:5060", "192.0.2.2:5060", "TCP", "clear")
REQUEST = b"OPTIONS sip:b@example.com SIP/2.0\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n"
VERSIONS = (0x0301, 0x0303, 0x0304)
BY_VERSION = (pull_certificate_request, pull_certificate_verify, pull_ticket)
LINK_TYPES = (1, 113, 276, 101, 0, 228, 229, 108, 9, 104, 12)
MOST_STEPS = 200
PAUSES = [
    n * 1_000_000 for n in (1, 10, 500, 990, 1010, 5_000, 31_000, 31_990, 32_000, 32_010, 33_000)
]
PAUSES += [n * 1_000_000 for n in (34_010, 35_000, 66_000, 181_000, 3_600_000)]
"""Nanoseconds between messages: about as long as timers run."""
MOST_SEARCHED = 64
"""Sequence numbers that are tried for a session in mid-connection: many more than the recorded ones
come to.  With a quarter of a million, which real connections need, one record of rubbish takes a second."""


def steps(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Take a script apart: a byte that says what, two with a length, and as many bytes."""
    position = 0
    for _ in range(MOST_STEPS):
        if len(data) - position < 3:
            return
        length = int.from_bytes(data[position + 1 : position + 3], "big")
        yield data[position], data[position + 3 : position + 3 + length]
        position += 3 + length


def script(parts: list[tuple[int, bytes]]) -> bytes:
    """Put a script together."""
    return b"".join(bytes([what]) + len(piece).to_bytes(2, "big") + piece for what, piece in parts)


def capture(data: bytes) -> None:
    """A file of any bytes gives packets that lie in it, and says what is wrong."""
    with tempfile.NamedTemporaryFile(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as file:
        file.write(data)
        file.flush()
        with open_captures([file.name]) as reader:
            frame = 1
            for block in reader:
                assert block.first_frame == frame
                frame += len(block)
                ends = block.offset + block.captured
                assert not len(block) or int(ends.max()) <= len(block.buffer)
                assert not len(block) or int(block.captured.min()) >= 0
            assert all(isinstance(problem, str) for problem in reader.problems)


def packets(data: bytes) -> None:
    """Columns and single packets agree on everything, however blocks are cut."""
    frames = [Frame(piece, LINK_TYPES[what % len(LINK_TYPES)]) for what, piece in steps(data)]
    if frames:
        half = len(frames) // 2
        assert_as_specified([block_of(frames)])
        blocks = [block_of(frames[:half]), block_of(frames[half:], first_frame=half + 1)]
        assert_as_specified([block for block in blocks if len(block)])


def tcp(data: bytes) -> None:
    """Any segments are taken; bytes delivered and missed add up; bounds hold."""
    segments = []
    for what, piece in steps(data):
        number = int.from_bytes(piece[:4], "big")
        more = piece[4:5] or b"\0"
        segments.append(
            Segment(
                talk=what >> 6,
                side=what >> 5 & 1,
                sequence=number,
                payload=piece[6:],
                flags=(piece[5:6] or b"\x10")[0],
                time=more[0] * 50_000_000,
                acknowledgment=number ^ more[0],
                missing=(0, 0, 0, 1460)[what & 3],
            )
        )
    bench = Bench(2)
    middle = len(segments) // 2
    for start, stop in pairwise((0, middle, len(segments))):
        bench.receive(segments[start:stop])
        assert len(bench.table) <= 2
    result = bench.finish()
    assert bench.table.waiting_bytes == 0
    assert all(recorder.ended for recorder in result.recorders)


def tls(data: bytes) -> None:
    """No plaintext that nobody said, a verdict for everything; cuts change nothing without damage."""
    with mock.patch.object(keying, "MAX_SEARCH", MOST_SEARCHED):
        _check_tls(data)


def _check_tls(data: bytes) -> None:
    heard = [Passive(SecretFinder(key_ring())) for _ in range(2)]
    outlines = RecordOutline(), RecordOutline()
    for what, piece in steps(data):
        side = what & 1
        if what & 2:
            outlines[side].gap(len(piece))
        elif piece:
            for record in outlines[side].receive(piece, [len(piece)], [1], [1]):
                assert 20 <= record.content_type <= 24
        for number, passive in enumerate(heard):
            if what & 2:
                passive.miss(side, len(piece), snapped=bool(what & 4))
            elif number:
                for start in range(0, len(piece), 1 + what // 4):
                    passive.hear(side, piece[start : start + 1 + what // 4])
            elif piece:
                passive.hear(side, piece)
    for passive in heard:
        passive.finish()
        _check_said(passive.records)
    whole, cut = heard
    # Behind damage the next record is sought, and where a packet ends is a hint.
    if not any(passive.report.missing_bytes or passive.report.notes for passive in heard):
        decrypted = {passive.verdict for passive in heard} == {"decrypted"}
        assert not decrypted or (whole.client, whole.server) == (cut.client, cut.server)


def dtls(data: bytes) -> None:
    """Likewise for datagrams, whose records stand for themselves."""
    passive = PassiveDatagrams(SecretFinder(key_ring()))
    for what, piece in steps(data):
        passive.hear(what & 1, piece)
    passive.finish()


def explained(data: bytes) -> None:
    """Whatever is sent, the session is explained, and no secret is claimed that is not known."""
    watch, passive = Watch({1}), Passive(SecretFinder(key_ring()))
    budget = WaitingBudget()
    passive.session = watch.open_tls(1, passive.finder, passive, passive.ends, budget)
    for what, piece in steps(data):
        if what & 2:
            passive.miss(what & 1, len(piece), snapped=bool(what & 4))
        elif piece:
            passive.hear(what & 1, piece)
    report = passive.finish()
    watch.ended(passive.session, report)
    explanation = explain(report, watch.recordings[1], key_ring())
    line = json.loads(explanation_json(explanation))
    assert len(line["steps"]) == len(explanation.steps)
    for derivation in explanation.derivations:
        assert all(derived.known for derived in derivation if derived.shown)
    assert ExplainedSession(explanation).svg().startswith("<svg")


def _check_said(records: list[tuple[bool, bytes, int]]) -> None:
    said = [b"".join(session.said[side] for session in sessions().values()) for side in (0, 1)]
    for from_client, text, _ in records:
        assert text in said[0 if from_client else 1]


def handshake(data: bytes) -> None:
    """A handshake message is read, or malformed."""
    for pull in (
        pull_client_hello,
        lambda body: pull_client_hello(body, dtls=True),
        pull_server_hello,
        pull_certificates,
        pull_certificates13,
        pull_encrypted_extensions,
        pull_new_session_ticket,
        pull_sslv2_client_hello,
        pull_psk_offer,
        pull_alpn_names,
        lambda body: pull_numbers(body, 2),
        lambda body: pull_key_share_groups(body, of_client=True),
        lambda body: pull_key_share_groups(body, of_client=False),
        *(functools.partial(pull, version=version) for pull in BY_VERSION for version in VERSIONS),
        *(
            functools.partial(pull_server_parameters, suite=find_suite(number), version=0x0303)
            for number in (0xC02F, 0x009E, 0x008C, 0x00AC, 0xC035)
        ),
    ):
        with contextlib.suppress(Malformed):
            pull(data)
    with contextlib.suppress(Malformed):
        hello = pull_client_hello(data)
        assert hello.server_name is None or isinstance(hello.server_name, str)
        assert all(0 <= version <= 0xFFFF for version in hello.supported_versions)
        offer = offer_of(hello)
        assert set(offer.suites) <= set(hello.cipher_suites)
        assert list(offer.versions) == sorted(offer.versions, reverse=True)
    with contextlib.suppress(Malformed):
        answer = pull_server_hello(data)
        assert isinstance(answer.version, int)
        assert answer.alpn is None or isinstance(answer.alpn, str)


def certificate(data: bytes) -> None:
    """A certificate gives the facts that can be had, or is malformed."""
    try:
        facts = read_certificate(data)
    except Malformed:
        return
    assert len(facts.fingerprint_sha256) == 64
    assert all(isinstance(name, str) for name in facts.names)


def key_file(data: bytes) -> None:
    """A file has keys, or reasons why not."""
    contents = read_key_file(data, "any.key", Passphrases(b"secret", None))
    assert contents.keys or contents.refusals


def key_log(data: bytes) -> None:
    """However a key log is cut, the same secrets and the same counters come of it."""
    whole, cut = KeyLog(), KeyLog()
    whole.feed(data, "any")
    step = 1 + len(data) // 7
    for start in range(0, len(data), step):
        cut.feed(data[start : start + step], "any")
    whole.finish("any")
    cut.finish("any")
    assert len(whole) == len(cut)
    assert whole.counters == cut.counters


def secrets_store(data: bytes) -> None:
    """A store is read whole, or refused in one sentence."""
    with tempfile.NamedTemporaryFile(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as file:
        file.write(data)
        file.flush()
        store = SecretsStore(file.name)
        try:
            store.load()
        except SecretsError as error:
            assert "\n" not in str(error)  # noqa: PT017 - whether it is raised is not the question


def _fields(message: Message) -> tuple[object, ...]:
    return tuple(getattr(message, name) for name in Message.__slots__)


def sip_stream(data: bytes) -> None:
    """However a stream is cut, the same messages come out, and each is what it was framed as."""
    streams = []
    for step in (len(data) or 1, 1 + len(data) // 5, 3):
        framer = StreamFramer(FLOW)
        found: list[Message] = []
        for start in range(0, len(data), step):
            found += framer.receive(data[start : start + step], 1, 2)
        framer.end()
        streams.append([message.raw for message in found])
    assert streams[0] == streams[1] == streams[2]
    assert all(raw in data for raw in streams[0])


def websocket(data: bytes) -> None:
    """However a stream is cut, the same messages come out of its frames; a gap stops nothing."""
    streams = []
    for step in (len(data) or 1, 1 + len(data) // 5, 1):
        framer = WebSocketFramer(Flow("192.0.2.1:1", "192.0.2.2:2", "TCP", "clear"))
        found: list[Message] = []
        chunks = [data[start : start + step] for start in range(0, len(data), step)]
        framer.receive_all([(chunk, 1, 2) for chunk in chunks], found)
        framer.end()
        counters = framer.counters if framer.is_open else None
        streams.append(([message.raw for message in found], counters))
    assert streams[0] == streams[1] == streams[2]
    framer = WebSocketFramer(FLOW, certain=True)
    found = []
    for piece in (data[: len(data) // 2], data[len(data) // 2 + 1 :]):
        framer.receive_all([(piece, 1, 2)], found)
        framer.gap()
    framer.end()


def sip_message(data: bytes) -> None:
    """The quick way and the complete one agree; what is shown and written is safe."""
    body = find_body(data)
    try:
        message = index_message(data, FLOW, 1, 2)
    except Malformed:
        return
    complete = index_completely(data, len(data) if body < 0 else body, FLOW, 1, 2)
    assert _fields(message) == _fields(complete)
    assert all(isinstance(value, str) for _, value in headers(message))
    assert isinstance(sdp_marks(message), str)
    out = io.StringIO()
    writer = JsonLines(out, raw=True)
    writer.message(message)
    writer.flush()
    (line,) = out.getvalue().splitlines()
    assert json.loads(line)["call_id"] == message.call_id
    assert line.isprintable()


def sip_parse(data: bytes) -> None:
    """The full parse takes whatever the index pass takes, and agrees with it; problems have a place."""
    try:
        message = parse_message(data)
    except Malformed:
        return
    assert all(0 <= problem.offset <= len(data) for problem in message.problems)
    assert all(problem.sentence.isprintable() for problem in message.problems)
    try:
        index = index_message(data[message.start :], FLOW, 1, 2)
    except Malformed:
        assert message.version != "SIP/2.0" or message.method is None
        return
    assert (message.method, message.status) == (index.method, index.status)
    assert index.call_id in (message.values("Call-ID") or [""])


def sdp(data: bytes) -> None:
    """A session description is read, and what is wrong with it has a place."""
    description = parse_sdp(data)
    assert all(0 <= problem.offset <= len(data) for problem in description.problems)
    for media in description.media:
        assert media.held in (True, False)
        assert all(isinstance(key, tuple) for crypto in media.crypto for key in crypto.keys)
        assert isinstance((media.codecs, media.candidates, media.fingerprints), tuple)
    assert [(one.held, one.formats, one.keys) for one in describe(data)] == [
        (media.held, media.codecs, media.crypto) for media in description.media
    ]


def datagram(data: bytes) -> None:
    """A datagram is a message or not."""
    message = parse_datagram(data, FLOW, 1, 2)
    assert message is None or data.startswith(message.raw) or message.raw in data


def hep(data: bytes) -> None:
    """A HEP packet is read or malformed, and what is mirrored is a message or counted."""
    with contextlib.suppress(Malformed):
        packet = pull_packet(data)
        assert packet.source.rpartition(":")[2].isdecimal()
        assert len(packet.payload) <= 1 << 20
    looks_like_hep(data)
    mirror = Mirror()
    message = mirror.receive(data, 1, 2)
    assert mirror.counters["hep_packets"] == 1
    if message is not None:
        assert message.flow.integrity == "unverified"
        merger = Merger()
        merger.add([message, message], 3)
        assert list(merger.take(None)) == [message, message]
    else:
        assert sum(mirror.counters.values()) > 1


def hep_stream(data: bytes) -> None:
    """However a stream is cut, the same packets come out, and every byte is one's or counted."""
    streams = []
    for step in (len(data) or 1, 1 + len(data) // 5, 1):
        stream = HepStream()
        found: list[bytes] = []
        for start in range(0, len(data), step):
            found += stream.receive(data[start : start + step])
        stream.end()
        streams.append((found, stream.counters))
        assert sum(map(len, found)) + stream.counters["hep_garbage_bytes"] == len(data)
    assert streams[0] == streams[1] == streams[2]


def spool(data: bytes) -> None:
    """A spool in any state opens, gives what it says that it has, and takes more."""
    folder = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(dir=folder) as directory:
        place = Path(directory)
        (place / "position").write_bytes(data[:40])
        (place / "0000000001.spool").write_bytes(data[40:])
        opened = Spool(directory, 1)
        assert len(opened.read(1 << 24)) == opened.pending
        opened.append(b"one more")
        assert list(opened.read(1 << 24)) == [b"one more"]
        opened.settle(opened.pending)
        opened.close()
        assert [one.name for one in place.iterdir()] == ["position"]


def query(data: bytes) -> None:
    """An expression, and a message to ask it of."""
    text = data.decode("utf-8", "replace")
    complete(text)
    try:
        compiled = compile_query(text)
    except QueryError:
        return
    assert written(parse(written(compiled.node))) == written(compiled.node)
    message = index_message(REQUEST, FLOW, 1, 1)
    compiled.decide(compiled.bits(Kind.MESSAGE, message))


def calls(data: bytes) -> None:
    """Whatever messages come, every call is handed over once, and the analysis takes them all."""
    ended = []
    table = CallTable(lambda call: ended.append(call.call_id), 4)
    assessor = Assessor()
    legs = []
    joined = []
    analyser = Analyser(
        lambda leg: legs.append(assessor.leg(leg)),
        on_call=lambda call: joined.append((assessor.call(call), len(call.legs))),
        most_legs=4,
    )
    back = Flow(FLOW.destination, FLOW.source, "TCP", "clear")
    begun = set()
    for number, (what, piece) in enumerate(steps(data), 1):
        time = number * (1 + (what >> 1)) * 100_000_000
        try:
            message = index_message(piece, back if what & 1 else FLOW, number, time)
        except Malformed:
            continue
        begun.add(message.call_id)
        table.receive(message)
        analyser.receive(message)
        assert len(table) <= 4
        assert len(analyser) <= 4
    table.finish()
    analyser.finish()
    assert not len(table)
    assert not len(analyser)
    assert set(ended) <= begun
    assert sum(size for _, size in joined) == len(legs)
    assert all(finding.sentence for finding in assessor.finish())


def dialogs(data: bytes) -> None:
    """Whatever whole calls come, following them in a hurry and by the machines makes the same of them.

    A step's first byte says the direction (1), whether it is another connection (2), and in its
    higher bits how long after the one before it comes.
    """
    flows = [
        Flow("192.0.2.1:5060", "192.0.2.2:5060", "UDP", "clear"),
        Flow("192.0.2.2:5060", "192.0.2.1:5060", "UDP", "clear"),
        Flow("192.0.2.2:5061", "192.0.2.3:5061", "TLS", "verified", 1),
        Flow("192.0.2.3:5061", "192.0.2.2:5061", "TLS", "verified", 1),
    ]
    messages: list[Message] = []
    time = 0
    for what, piece in steps(data):
        time += PAUSES[what >> 2 & 15]
        with contextlib.suppress(Malformed):
            messages.append(index_message(piece, flows[what & 3], len(messages) + 1, time))
    quick, whole = (
        followed(messages, in_a_hurry=quickly, most_legs=3) for quickly in (True, False)
    )
    assert differences(quick, whole) == []
    found = []
    for quickly in (True, False):
        analysis = Analysis(follows_courses=quickly)
        for message in messages:
            analysis.message(message)
        analysis.finish()
        found.append((analysis.findings, analysis.counters))
    assert found[0] == found[1]


def masking(data: bytes) -> None:
    """A masked message is as long, and the same one; what cannot be is withheld and counted."""
    profile = Profile.KEYS if data[:1] < b"\x40" else Profile.PEOPLE
    try:
        message = index_message(data[1:], FLOW, 1, 1)
    except Malformed:
        return
    masker = Masker(profile, bytes(32))
    masked = masker.message(message)
    assert (masked is None) == bool(masker.counters["messages_withheld_by_mask"])
    if masked is not None:
        assert len(masked.raw) == len(message.raw)
        assert masked.body_start == message.body_start
        assert (masked.method, masked.status) == (message.method, message.status)
        odd = re.search(rb"(?<!\r)\n|\r(?!\n)", message.raw[: message.body_start])
        if not odd and "\\" not in message.call_id:
            assert masked.call_id == masker.call_id(message.call_id)


def srtp(data: bytes) -> None:
    """Packets under keys of every suite: nothing comes out but what was protected with one of them."""
    half = len(srtp_keys()) // 2
    for own in (srtp_keys()[:half], srtp_keys()[half:]):
        opener = SrtpOpener(own, srtp_keys(), budget=TrialBudget(64))
        packets = [part for _, part in steps(data)]
        opened = opener.receive(packets)
        report = opener.report()
        assert len(opened.clear) == len(packets)
        assert not opened.unproven
        assert {clear for clear in opened.clear if clear is not None} <= set(SRTP_PACKETS)
        counted = sum(source.packets for source in report.sources) + report.evicted_packets
        assert counted + report.foreign == len(packets)


def media(data: bytes) -> None:
    """Datagrams make the same streams however blocks are cut, and each RTP packet is of one."""
    segments = []
    moment = 0.0
    for what, piece in steps(data):
        moment += (what >> 2) * 3
        source, destination = ("192.0.2.10", 4000 + (what & 1)), ("192.0.2.20", 6000)
        segments.append(datagram_at(moment, piece, source, destination))
    if not segments:
        return
    found: list[Stream] = []
    table = MediaTable(found.append)
    whole = follow(segments, table=table) or found
    counted = table.counters
    packets = sum(stream.packets for stream in whole)
    assert packets == counted["rtp_packets"] - counted["rtp_headers_broken"]
    for stream in whole:
        assert stream.expected >= 1
        assert 0 <= stream.lost < stream.expected
        assert stream.duplicates + stream.reordered < stream.packets
        assert sum(stream.payload_types.values()) == stream.packets
        assert sum(piece.packets for piece in stream.course) == stream.packets
    pieces = follow(segments, cuts=range(0, len(segments), 3))
    for name in ("ssrc", "packets", "expected", "duplicates", "reordered", "bursts"):
        assert [getattr(one, name) for one in sorted(whole, key=lambda one: one.number)] == [
            getattr(one, name) for one in pieces
        ], name


def rtcp(data: bytes) -> None:
    """RTCP is reports, or malformed; a quality report is numbers."""
    with contextlib.suppress(Malformed):
        compound = pull_compound(data)
        assert compound.types
        assert all(0 <= block.fraction_lost < 1 for block in compound.blocks)
    report = read_report(data, 0, 1, "192.0.2.1:5060")
    assert report is None or all(abs(value) < 1e9 for value in report.metrics.values())


def audio(data: bytes) -> None:
    """RTP packets of every format: a track no longer than its time, and every packet counted."""
    sound = io.BytesIO()
    track = Track(AUDIO_FORMATS, 16_000, sound)
    time = taken = 0
    for what, part in steps(data):
        time += PAUSES[what % len(PAUSES)]
        with contextlib.suppress(Malformed):
            hidden = DIGIT_MASK.hide(part)
            assert hidden is None or len(hidden) == len(part)
        with contextlib.suppress(Malformed):
            packet = pull_payload(part, time)
            # A header alone decides on much: any payload type is one of those that are known.
            known = sorted(AUDIO_FORMATS)[packet.payload_type % len(AUDIO_FORMATS)]
            track.receive(packet._replace(payload_type=known))
            taken += 1
    track.finish()
    assert len(sound.getvalue()) == 2 * track.samples
    # A timestamp may be off by a second before the arrival counts; no payload lasts ten seconds.
    assert track.samples <= 16_000 * (time / 1e9 + 11)
    assert len(track.level.seconds) <= track.samples // 16_000 + 1
    counted = ("decoded", "comfort_noise", "malformed", "no_decoder", "late", "duplicates")
    counters = track.counters
    assert sum(counters[name] for name in counted) + counters["events"] == taken
    for event in track.events.all:
        assert event.digit in ("•", "")


AUDIO_FORMATS = {
    number: Codec(str(number), name, name, rate, 1, parameters)
    for number, (name, rate, parameters) in enumerate(
        (
            ("PCMU", 8000, ""),
            ("PCMA", 8000, ""),
            ("L16", 16_000, ""),
            ("G722", 8000, ""),
            ("G723", 8000, ""),
            ("G729", 8000, ""),
            ("GSM", 8000, ""),
            ("iLBC", 8000, ""),
            ("AMR", 8000, ""),
            ("AMR", 8000, "octet-align=1;crc=1"),
            ("AMR-WB", 16_000, "octet-align=1"),
            ("opus", 48_000, ""),
            ("CN", 8000, ""),
            ("telephone-event", 8000, ""),
            ("speex", 8000, ""),
        )
    )
}
"""Payload type → format, of all that have a decoder and some that have none."""
DIGIT_MASK = DigitMask(
    [("97", "red/8000"), ("101", "telephone-event/8000"), ("96", "opus/48000/2")]
)

TARGETS: dict[str, Callable[[bytes], None]] = {
    "capture": capture,
    "packets": packets,
    "tcp": tcp,
    "tls": tls,
    "dtls": dtls,
    "explain": explained,
    "handshake": handshake,
    "certificate": certificate,
    "key-file": key_file,
    "key-log": key_log,
    "secrets-store": secrets_store,
    "sip-stream": sip_stream,
    "websocket": websocket,
    "sip-message": sip_message,
    "sip-parse": sip_parse,
    "sdp": sdp,
    "datagram": datagram,
    "calls": calls,
    "dialogs": dialogs,
    "hep": hep,
    "hep-stream": hep_stream,
    "spool": spool,
    "query": query,
    "masking": masking,
    "srtp": srtp,
    "media": media,
    "rtcp": rtcp,
    "audio": audio,
}
