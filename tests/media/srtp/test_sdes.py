"""Which key protects what, by the crypto lines of an offer and its answer (RFC 4568)."""

from __future__ import annotations

import base64
import random

from hypothesis import given
from hypothesis import strategies as st

from kit.srtp import Protector, rtp_packet
from tqdecrypt.media.srtp import SrtpOpener, keys_for
from tqdecrypt.media.srtp.sdes import MOST_LINES
from tqdecrypt.media.verdict import MediaVerdict
from tqdecrypt.sip.sdp_attributes import Crypto, read_crypto

CM80, CM32, GCM = "AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32", "AEAD_AES_256_GCM"


def secret(seed: int, length: int = 30) -> bytes:
    return random.Random(seed).randbytes(length)


def line(tag: int, suite: str, seed: int, behind: str = "", parameters: str = "") -> Crypto:
    material = base64.b64encode(secret(seed, 44 if suite == GCM else 30)).decode()
    crypto = read_crypto(f"{tag} {suite} inline:{material}{behind} {parameters}".strip())
    assert crypto is not None
    return crypto


def test_each_end_protects_what_it_sends_with_its_own_key() -> None:
    agreed = keys_for([line(1, CM80, 1)], [line(1, CM80, 2)])
    assert [key.material for key in agreed.offerer] == [secret(1)]
    assert [key.material for key in agreed.answerer] == [secret(2)]
    assert agreed.chosen == 1
    assert agreed.offerer[0].origin == "a=crypto:1 of the offer"
    assert agreed.answerer[0].origin == "a=crypto:1 of the answer"


def test_the_answer_says_which_line_of_the_offer_counts() -> None:
    offer = [line(1, GCM, 1), line(2, CM80, 2), line(3, CM32, 3)]
    agreed = keys_for(offer, [line(2, CM80, 4)])
    assert agreed.chosen == 2
    assert [key.origin for key in agreed.offerer] == [
        "a=crypto:2 of the offer",
        "a=crypto:1 of the offer, not chosen",
        "a=crypto:3 of the offer, not chosen",
    ]
    assert [key.suite_name for key in agreed.answerer] == [CM80]


def test_a_tag_that_fits_another_suite_is_not_believed() -> None:
    agreed = keys_for([line(1, CM80, 1), line(2, CM32, 2)], [line(1, CM32, 3)])
    assert agreed.chosen == 2
    assert agreed.offerer[0].material == secret(2)


def test_the_name_of_the_draft_is_the_same_suite() -> None:
    offer = [line(1, "AES_CM_256_HMAC_SHA1_80", 1), line(2, CM80, 2)]
    agreed = keys_for(offer, [line(1, "AES_256_CM_HMAC_SHA1_80", 3)])
    assert agreed.chosen == 1


def test_before_the_answer_every_line_of_the_offer_may_count() -> None:
    agreed = keys_for([line(1, CM80, 1), line(2, CM32, 2)])
    assert [key.material for key in agreed.offerer] == [secret(1), secret(2)]
    assert not agreed.answerer
    assert agreed.chosen is None


def test_an_answer_without_its_offer_tells_the_answerers_key() -> None:
    agreed = keys_for([], [line(1, CM80, 2, parameters="UNENCRYPTED_SRTP")])
    assert not agreed.offerer
    assert agreed.answerer[0].material == secret(2)
    assert agreed.answerer[0].unencrypted_rtp


def test_an_answer_that_takes_nothing_leaves_the_offer() -> None:
    agreed = keys_for([line(1, CM80, 1)], [])
    assert [key.origin for key in agreed.offerer] == ["a=crypto:1 of the offer"]
    assert agreed.chosen is None


def test_lifetime_identifier_and_parameters_are_taken_over() -> None:
    parameters = "KDR=16 UNENCRYPTED_SRTP UNENCRYPTED_SRTCP UNAUTHENTICATED_SRTP"
    both = f"{parameters} WSH=128 FEC_ORDER=FEC_SRTP"
    agreed = keys_for(
        [line(1, CM80, 1, "|2^20|1:4", both)], [line(1, CM80, 2, "|2^31|66:2", parameters)]
    )
    (ours,), (theirs,) = agreed.offerer, agreed.answerer
    assert (ours.lifetime, theirs.lifetime) == (1 << 20, 1 << 31)
    assert (ours.mki, theirs.mki) == (b"\0\0\0\1", b"\0\x42")
    for key in (ours, theirs):
        assert key.unencrypted_rtp
        assert key.unencrypted_rtcp
        assert key.unauthenticated_rtp
        assert key.derivation_rate == 16


def test_a_parameter_that_only_one_end_has_was_not_agreed_on() -> None:
    agreed = keys_for(
        [line(1, CM80, 1, parameters="UNENCRYPTED_SRTP UNENCRYPTED_SRTCP")],
        [line(1, CM80, 2, parameters="UNENCRYPTED_SRTCP")],
    )
    for key in agreed.offerer + agreed.answerer:
        assert not key.unencrypted_rtp
        assert key.unencrypted_rtcp


def test_several_keys_of_a_line_are_told_apart_by_their_identifiers() -> None:
    materials = [base64.b64encode(secret(seed)).decode() for seed in (1, 2)]
    crypto = read_crypto(f"1 {CM80} inline:{materials[0]}|2^20|1:1;inline:{materials[1]}|2^20|2:1")
    assert crypto is not None
    keys = keys_for([crypto]).offerer
    assert [(key.mki, key.material) for key in keys] == [(b"\1", secret(1)), (b"\2", secret(2))]
    packets = [rtp_packet(n) for n in range(6)]
    senders = [Protector(CM80, secret(seed), bytes([seed])) for seed in (1, 2)]
    sealed = [senders[n // 3].rtp(packet, 0) for n, packet in enumerate(packets)]
    assert SrtpOpener(keys).receive(sealed).clear == packets


def test_an_identifier_that_does_not_fit_its_length_is_none() -> None:
    for behind in ("|2^20|300:1", "|2^20|1:0", "|2^20|1:129"):
        assert keys_for([line(1, CM80, 1, behind)]).offerer[0].mki == b""


def test_a_sender_that_uses_the_line_that_was_not_chosen_is_found_out() -> None:
    agreed = keys_for([line(1, CM32, 1), line(2, CM80, 2)], [line(2, CM80, 3)])
    sender = Protector(CM32, secret(1))
    opener = SrtpOpener(agreed.offerer, agreed.answerer)
    opener.receive([sender.rtp(rtp_packet(n), 0) for n in range(3)])
    report = opener.report()
    assert report.verdict is MediaVerdict.DECRYPTED
    assert report.sources[0].keys[0].origin == "a=crypto:1 of the offer, not chosen"


def test_keys_of_a_new_offer_take_over_in_time() -> None:
    first = keys_for([line(1, CM80, 1)], [line(1, CM80, 2)]).bounded(0, 500)
    second = keys_for([line(1, CM80, 3)], [line(1, CM80, 4)]).bounded(500, None)
    assert first.offerer[0].valid_at(499)
    assert not first.offerer[0].valid_at(500)
    assert second.answerer[0].valid_at(500)
    assert first.chosen == second.chosen == 1


def test_masked_and_unreadable_keys_have_a_verdict() -> None:
    crypto = read_crypto(f"1 {CM80} inline:********")
    assert crypto is not None
    opener = SrtpOpener(keys_for([crypto]).offerer)
    opener.receive([rtp_packet(1)])
    assert opener.report().verdict is MediaVerdict.KEY_MASKED


def test_f8_has_a_verdict() -> None:
    opener = SrtpOpener(keys_for([line(1, "F8_128_HMAC_SHA1_80", 1)]).offerer)
    opener.receive([rtp_packet(1)])
    assert opener.report().verdict is MediaVerdict.UNSUPPORTED_SUITE


def test_very_many_lines_are_bounded_and_counted() -> None:
    lines = [line(tag, CM80, tag) for tag in range(1, MOST_LINES + 8)]
    agreed = keys_for(lines, lines)
    assert len(agreed.offerer) == len(agreed.answerer) == MOST_LINES
    assert agreed.left_out == 14


_TEXT = st.text("0123456789AES_CM80|:;^= inline\t*", max_size=80)


@given(st.lists(_TEXT.map("1 AES_CM_128_HMAC_SHA1_80 inline:".__add__), max_size=4), st.data())
def test_any_line_gives_keys_or_none_and_shows_no_secret(
    texts: list[str], data: st.DataObject
) -> None:
    lines = [crypto for text in texts if (crypto := read_crypto(text)) is not None]
    answer = data.draw(st.none() | st.lists(st.sampled_from(lines))) if lines else None
    agreed = keys_for(lines, answer)
    for key in agreed.offerer + agreed.answerer:
        if len(key.material or b"") > 3:  # a shorter one may be part of any word
            assert key.material is not None
            assert key.material.hex() not in repr(agreed)
            assert repr(key.material) not in repr(agreed)
