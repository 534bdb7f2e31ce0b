"""Pseudonyms: as long as the original, the same for the same, never shared by two."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.capture import write_pcap
from kit.packets import Conversation
from kit.peers import tshark
from tqdecrypt.masking.pseudonyms import BASE64, HEXADECIMAL, Pseudonyms
from tqdecrypt.sip.masked import DIGIT_LETTERS, LETTERS_BEHIND_CODE, masked_end

KEY = bytes(range(32))
pseudonyms = Pseudonyms(KEY)

ENDS = ("2079460123", "5550199", "98765432", "10000001")
OPTIONS = (
    b"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
    b"From: <sip:%(user)s@h;user=phone>;tag=1\r\nTo: <sip:%(user)s@h;user=phone>\r\n"
    b"Call-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)
DIGITS = st.text("0123456789", min_size=4, max_size=24)
WORDS = st.text("abcdefghijklmnopqrstuvwxyzABCXYZ", min_size=1, max_size=60)


def bare(number: str) -> str:
    return "".join(one for one in number if one.isalnum())


class TestNumbers:
    @pytest.mark.parametrize(
        ("number", "shown"),
        [
            ("+442079460123", ("+44", "23")),
            ("00442079460123", ("0044", "23")),
            ("02079460123", ("0", "23")),
            ("+12025550123", ("+1", "23")),
            ("+3545551234", ("+354", "34")),
            ("2079460123", ("", "23")),
            ("%2B442079460123", ("%2B44", "23")),
        ],
    )
    def test_what_stays(self, number: str, shown: tuple[str, str]) -> None:
        masked = pseudonyms.number(number)
        front, end = shown
        assert masked.startswith(front)
        assert masked.endswith(end)
        middle = masked[len(front) : len(masked) - len(end)]
        assert set(middle[1:]) <= set(DIGIT_LETTERS)
        assert middle[0] in DIGIT_LETTERS + LETTERS_BEHIND_CODE
        assert len(masked) == len(number)

    def test_visual_separators_stay(self) -> None:
        masked = pseudonyms.number("+44 (0)20-7946.0123")
        assert [one for one in masked if not one.isalnum()] == list("+ ()-.")

    def test_numbers_of_services_stay(self) -> None:
        assert pseudonyms.number("112") == "112"
        assert pseudonyms.number("+44") == "+44"

    def test_spellings_of_one_number_compare_equal(self) -> None:
        for spellings in (
            ["+442079460123", "00442079460123", "02079460123", "442079460123", "079460123"],
            ["+3545551234", "003545551234", "3545551234"],
        ):
            ends = {masked_end(pseudonyms.number(one).lstrip("+")) for one in spellings}
            assert len(ends) == 1
            assert "" not in ends

    @given(DIGITS)
    def test_the_number_is_gone(self, number: str) -> None:
        for spelled in (number, f"+{number}", f"00{number}"):
            masked = pseudonyms.number(spelled)
            assert number not in masked
            assert masked.endswith(number[-2:])
            assert masked_end(masked.lstrip("+"))

    @given(
        st.integers(4, 9).flatmap(lambda size: st.sets(st.integers(0, 10**size - 1), max_size=20))
    )
    def test_two_numbers_stay_two(self, numbers: set[int]) -> None:
        spelled = [f"9{number:09d}" for number in numbers]
        assert len({pseudonyms.number(one) for one in spelled}) == len(spelled)

    def test_all_short_numbers_stay_apart(self) -> None:
        extensions = [f"{number:04d}" for number in range(1000, 10_000)]
        assert len({pseudonyms.number(one) for one in extensions}) == len(extensions)

    @pytest.mark.peer("tshark")
    def test_wireshark_finds_no_fault_with_them(self, tmp_path: Path) -> None:
        """It decodes what stands behind a plus sign as a number of E.164."""
        codes = [str(code) for code in (1, 7, *range(20, 100), 354, 380, 599, 850, 971)]
        users = [pseudonyms.number(f"+{code}{digits}") for code in codes for digits in ENDS]
        talk = Conversation(("192.0.2.1", 5060), ("192.0.2.2", 5060))
        for user in users:
            talk.datagram(True, OPTIONS % {b"user": user.encode()})
        capture = write_pcap(tmp_path / "numbers.pcap", talk.packets)
        told = ("-T", "fields", "-e", "sip.to.user")
        assert tshark(capture, "-Y", "sip", *told).count("+") == len(users)
        assert tshark(capture, "-Y", "_ws.malformed || _ws.expert.severity == error", *told) == ""


class TestWords:
    def test_capitals_stay_where_they_were(self) -> None:
        assert [one.isupper() for one in pseudonyms.word("McCoy")] == [1, 0, 1, 0, 0]
        assert pseudonyms.word("SMITH").lower() == pseudonyms.word("smith")

    @given(WORDS)
    def test_a_word_of_the_same_length(self, word: str) -> None:
        assert len(pseudonyms.word(word)) == len(word)
        assert pseudonyms.word(word).isalpha()

    @given(st.sets(st.text("abcdefghij", min_size=1, max_size=4), max_size=50))
    def test_two_words_stay_two(self, words: set[str]) -> None:
        assert len({pseudonyms.word(word) for word in words}) == len(words)

    def test_every_short_word_has_its_own(self) -> None:
        letters = "abcdefghijklmnopqrstuvwxyz"
        words = [one + other for one in letters for other in letters]
        assert len({pseudonyms.word(word) for word in words}) == len(words)


class TestKeys:
    @given(DIGITS, WORDS)
    def test_the_same_key_makes_the_same(self, number: str, word: str) -> None:
        again = Pseudonyms(KEY)
        assert again.number(number) == pseudonyms.number(number)
        assert again.word(word) == pseudonyms.word(word)
        assert again.secret(word, BASE64) == pseudonyms.secret(word, BASE64)

    def test_another_key_makes_another(self) -> None:
        one, other = Pseudonyms(), Pseudonyms()
        assert one.number("+442079460123") != other.number("+442079460123")
        assert one.word("constantinople") != other.word("constantinople")

    @given(st.text("0123456789abcdef", max_size=200))
    def test_secrets_keep_alphabet_and_length(self, secret: str) -> None:
        made = pseudonyms.secret(secret, HEXADECIMAL)
        assert len(made) == len(secret)
        assert set(made) <= set(HEXADECIMAL)

    def test_the_key_shows_nowhere(self) -> None:
        assert KEY.hex() not in repr(pseudonyms)
        assert repr(KEY) not in repr(pseudonyms)

    def test_full_tables_change_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("tqdecrypt.masking.pseudonyms.MOST_REMEMBERED", 2)
        small = Pseudonyms(KEY)
        numbers = [f"44207946{number:04d}" for number in range(20)]
        assert [small.number(one) for one in numbers * 2] == [
            pseudonyms.number(one) for one in numbers * 2
        ]
