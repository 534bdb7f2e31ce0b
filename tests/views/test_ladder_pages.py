from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tqdecrypt.sip import Flow, index_message
from tqdecrypt.views import CallLadder, Mark, Story, comparisons, lay_out
from tqdecrypt.views.ladder import Arrow, Event, waits
from views.pages import HOSTILE, inside, picture, words_of
from views.scenes import (
    CARRIER,
    MILLISECOND,
    PBX,
    SBC,
    SBC_OUT,
    START,
    Talk,
    assert_snapshot,
    dark,
    drawn,
    report,
    two_hop_call,
    two_legs,
)

DARK_CLIENT = "192.0.2.10:46289"
OPENED = Mark(START - 4 * MILLISECOND, "TLS opened", PBX, SBC, session=3, frame=12)
ALERT = Mark(START + 300 * MILLISECOND, "alert close_notify", SBC, PBX, True, session=3)
INFERRED = Mark(
    START + 30 * MILLISECOND, "INVITE, 1204 bytes", DARK_CLIENT, SBC, True, True, session=7
)


def whole_story() -> Story:
    story = two_legs()
    return story._replace(reports={3: report(), 7: dark()}, marks=(OPENED, INFERRED, ALERT))


def test_two_legs_in_one_ladder() -> None:
    ladder = CallLadder(whole_story())
    assert_snapshot("ladder-legs-120", drawn(ladder, width=120))
    assert_snapshot("ladder-legs-80", drawn(ladder, width=80))


def test_a_ladder_to_scale_has_room_for_time() -> None:
    story = two_hop_call().story({3: report()})
    story.messages[-2].time += 5_000 * MILLISECOND
    story.messages[-1].time += 5_100 * MILLISECOND
    ladder = CallLadder(story, to_scale=True)
    assert_snapshot("ladder-scale-80", drawn(ladder, width=80))
    assert waits(lay_out(story)) == [0] * 8 + [6, 1]
    height = float(picture(CallLadder(story).svg()).attrib["height"])
    assert float(picture(ladder.svg()).attrib["height"]) == height + 7 * 8


def test_hosts_stand_in_the_order_of_the_path_even_when_the_capture_does_not() -> None:
    talk = two_hop_call()
    talk.messages = [talk.messages[2], *talk.messages[:2], *talk.messages[3:]]
    columns = lay_out(Story(talk.messages)).columns
    assert [column.name for column in columns][:2] == [PBX, SBC]
    talk = Talk()
    talk.say("SIP/2.0 180 Ringing", CARRIER, SBC_OUT)
    talk.say("INVITE sip:x SIP/2.0", PBX, "198.51.100.20:5061")
    hosts = [column.host for column in lay_out(Story(talk.messages)).columns]
    assert hosts == ["192.0.2.10", "198.51.100.20", "198.51.100.30"]


def test_hops_tell_transport_session_and_verdict() -> None:
    hops = lay_out(whole_story()).hops
    assert [(hop.left, hop.right, hop.transport, hop.session) for hop in hops] == [
        (0, 1, "TLS", 3),
        (0, 1, "TLS", 7),
        (2, 3, "UDP", None),
    ]
    words = words_of(CallLadder(whole_story()).html())
    assert "TLS 1.2 session 3 ✓ decrypted" in words
    assert "TLS 1.2 session 7 ✗ dark: forward-secrecy" in words


def test_hold_and_resume_are_told() -> None:
    talk = two_hop_call()
    held = b"v=0\r\nm=audio 30000 RTP/AVP 8\r\na=sendonly\r\n"
    talk.say("INVITE sip:x SIP/2.0", PBX, SBC, "3 INVITE", held)
    talk.say("INVITE sip:x SIP/2.0", PBX, SBC, "4 INVITE", held.replace(b"sendonly", b"sendrecv"))
    for message in talk.messages[-2:]:
        message.to += b";tag=b"
    notes = [arrow.text for arrow in lay_out(Story(talk.messages)).arrows]
    assert notes[-2:] == ["INVITE (hold)", "INVITE (resume)"]


def test_the_picture() -> None:
    svg = CallLadder(whole_story()).svg()
    assert inside(picture(svg))
    assert_snapshot("ladder-legs", svg.replace("><", ">\n<") + "\n", ".svg")


def test_the_page_has_heading_picture_and_table() -> None:
    page = CallLadder(whole_story()).html()
    assert_snapshot("ladder-legs", page.replace("><", ">\n<") + "\n", ".html")
    assert page.count("<tr>") == 1 + len(lay_out(whole_story()).rows)
    assert "<style" not in page


def hostile_story(evil: str) -> Story:
    talk = Talk(evil.replace("\n", "").encode("utf-8", "backslashreplace").decode() or "x")
    talk.say("INVITE sip:x SIP/2.0", PBX, SBC)
    talk.say("SIP/2.0 200 <script>", SBC, PBX)
    for message in talk.messages:
        message.call_id, message.reason = evil, evil
        message.method = evil if message.status is None else None
        message.from_ = message.to = f"<sip:{evil}>".encode("utf-8", "replace")
    one = report(verdict=report().verdict, client=f"{evil}:1", why=evil)
    one.version = one.cipher_suite = evil
    marks = (Mark(START, evil, f"{evil}:1", f"{evil}:2", True, True, 9),)
    return Story(talk.messages, (), {3: one}, marks)


def test_hostile_names_reach_neither_page_nor_picture_nor_terminal() -> None:
    for evil in HOSTILE:
        ladder = CallLadder(hostile_story(evil))
        words_of(ladder.html())
        picture(ladder.svg())
        assert drawn(ladder).replace("\n", "").isprintable()


def test_thousands_of_hosts_share_a_column() -> None:
    talk = Talk("scan")
    for number in range(600):
        talk.say("OPTIONS sip:x SIP/2.0", PBX, f"10.0.{number // 250}.{number % 250}:5060")
    ladder = lay_out(Story(talk.messages))
    assert len(ladder.arrows) == 600
    assert len(ladder.columns) == 33
    assert ladder.columns[-1].name == "569 further hosts"
    assert {(arrow.source, arrow.destination) for arrow in ladder.arrows[31:]} == {(0, 32)}
    assert "569 further hosts" in drawn(CallLadder(Story(talk.messages)))
    assert "10.0.2.99:5060" in words_of(CallLadder(Story(talk.messages)).html())
    assert comparisons(talk.messages) == []


HOSTS = st.sampled_from(["10.0.0.1", "192.168.100.200", "[2001:db8::1]", "127.0.0.1"])
ENDPOINTS = st.builds("{}:{}".format, HOSTS, st.sampled_from(["5061", "40001"]))
RAW = st.one_of(
    st.binary(max_size=80),
    st.sampled_from(HOSTILE).map(lambda text: text.encode("utf-8", "surrogatepass")),
)


@given(
    st.lists(st.tuples(RAW, ENDPOINTS, ENDPOINTS), min_size=1, max_size=8),
    st.lists(st.tuples(st.text(max_size=20), ENDPOINTS, ENDPOINTS), max_size=4),
)
def test_every_message_is_one_arrow_between_columns_that_exist(
    sent: list[tuple[bytes, str, str]], events: list[tuple[str, str, str]]
) -> None:
    messages = [
        index_message(
            b"MESSAGE sip:x SIP/2.0\r\nSubject: " + raw + b"\r\nCall-ID: " + raw + b"\r\n\r\n",
            Flow(source, destination, "UDP", "clear"),
            number,
            START + number,
        )
        for number, (raw, source, destination) in enumerate(sent, 1)
    ]
    marks = [Mark(START + n, *event) for n, event in enumerate(events)]
    story = Story(messages, marks=marks)
    ladder = lay_out(story)
    assert [arrow.message for arrow in ladder.arrows] == messages
    assert {row.mark for row in ladder.rows if isinstance(row, Event)} == set(marks)
    for row in ladder.rows:
        ends = (
            (row.message.flow.source, row.message.flow.destination)
            if isinstance(row, Arrow)
            else (row.mark.source, row.mark.destination)
        )
        for end, column in zip(ends, (row.source, row.destination), strict=True):
            host, _, port = end.rpartition(":")
            assert ladder.columns[column].host == host
            assert port in ladder.columns[column].ports
        assert (row.source == row.destination) == (ends[0] == ends[1])
    assert inside(picture(CallLadder(story).svg()))
    words_of(CallLadder(story).html())
