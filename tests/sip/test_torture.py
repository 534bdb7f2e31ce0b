"""RFC 4475 and RFC 5118: what is right parses, what is wrong is shown, nothing stops the stream."""

from __future__ import annotations

from pathlib import Path

import pytest

from tqdecrypt.sip import ParsedMessage, StreamFramer, parse_datagram, parse_message
from tqdecrypt.sip.problems import SECTIONS

from .messages import FLOW, INVITE, RINGING, UDP
from .torture import CASES, CORPUS, Case


def names(message: ParsedMessage) -> frozenset[str]:
    return frozenset(problem.name for problem in message.problems)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.section)
class TestOwnMessages:
    def test_what_is_wrong(self, case: Case) -> None:
        assert names(parse_message(case.raw)) == case.problems

    def test_the_problem_names_its_line(self, case: Case) -> None:
        for problem in parse_message(case.raw).problems:
            assert problem.section == SECTIONS[problem.name]
            assert problem.sentence.endswith(".")
            assert case.raw[problem.offset - 1 : problem.offset] in (b"", b"\n")

    def test_the_stream_goes_on(self, case: Case) -> None:
        """The next message comes out, whatever its length had to say about where that begins."""
        framer = StreamFramer(FLOW)
        found = framer.receive(INVITE + case.raw + RINGING * 3, 1, 1)
        if case.section == "4475 3.1.2.2":  # its length swallows what follows
            framer.gap()
            found += framer.receive(RINGING, 2, 2)
        assert found[0].raw == INVITE
        assert found[-1].raw == RINGING

    def test_a_datagram_holds_it(self, case: Case) -> None:
        message = parse_datagram(case.raw, UDP, 1, 1)
        assert message is not None
        assert message.call_id == parse_message(case.raw).call_id


def test_every_section_is_tried() -> None:
    sections = [case.section for case in CASES]
    assert len(sections) == len(set(sections)) == 49 + 11


def message_of(section: str) -> ParsedMessage:
    return parse_message(next(case.raw for case in CASES if case.section == section))


class TestWhatIsUnderstood:
    """Beyond that nothing is wrong: the values are those that were meant."""

    def test_blanks_and_folds(self) -> None:
        message = message_of("4475 3.1.1.1")
        assert message.cseq == (9, "INVITE")
        assert message.max_forwards == 68
        assert message.to is not None
        assert message.to.tag == "b0818"
        assert message.from_ is not None
        assert message.from_.display_name == 'A \\" Lovelace'
        assert [via.transport for via in message.vias] == ["UDP", "TCP", "UDP"]
        assert message.contacts[0].parameters.get("q") == "0.33"
        assert message.value("New-Thing") == "one value continued on two lines"

    def test_a_method_in_odd_characters(self) -> None:
        assert message_of("4475 3.1.1.2").method == "!My.Own-Method42_*+`%indeed'~"

    def test_an_escaped_method_is_not_the_one_it_spells(self) -> None:
        assert message_of("4475 3.1.1.5").method == "OP%54IO%4ES"

    def test_the_second_request_in_a_datagram_is_no_part_of_the_first(self) -> None:
        message = message_of("4475 3.1.1.8")
        assert message.body == b""
        assert message.behind > 300

    def test_semicolon_in_the_user_part(self) -> None:
        uri = message_of("4475 3.1.1.9").uri
        assert uri is not None
        assert getattr(uri, "user", None) == "ben;par=u%40example.net"
        assert not uri.parameters

    def test_binary_parts(self) -> None:
        parts = message_of("4475 3.1.1.11").parts
        assert [str(part.media_type) for part in parts] == [
            "text/plain",
            "application/octet-stream",
        ]
        assert parts[1].content == b"\x00\xff\r\n\x80\x01"

    def test_no_reason_phrase(self) -> None:
        message = message_of("4475 3.1.1.13")
        assert (message.status, message.reason) == (100, "")

    def test_a_parameter_of_the_contact_or_of_its_uri(self) -> None:
        outside, inside = message_of("4475 3.3.12"), message_of("4475 3.3.13")
        assert outside.contacts[0].parameters.get("unknownparam") == ""
        assert inside.contacts[0].parameters.get("unknownparam") is None
        assert inside.contacts[0].uri is not None
        assert inside.contacts[0].uri.parameters.get("unknownparam") == ""

    def test_port_or_last_group_of_the_address(self) -> None:
        ambiguous, clear = message_of("5118 4.3").uri, message_of("5118 4.4").uri
        assert (getattr(ambiguous, "host", ""), getattr(ambiguous, "port", 0)) == (
            "2001:db8::10:5070",
            None,
        )
        assert (getattr(clear, "host", ""), getattr(clear, "port", 0)) == ("2001:db8::10", 5070)

    def test_received_with_and_without_brackets(self) -> None:
        both = {message_of(section).vias[0].received for section in ("5118 4.5.1", "5118 4.5.2")}
        assert both == {"2001:db8::9:255"}


@pytest.mark.shared
def test_the_messages_of_the_rfcs(shared: Path) -> None:
    files = [path for path in (shared / "corpus" / "sip-torture").glob("rfc*/*") if path.is_file()]
    assert len(files) == 31
    for path in files:
        found = names(parse_message(path.read_bytes()))
        assert found - {"sdp-attribute"} == CORPUS.get(path.name, frozenset()), path.name
