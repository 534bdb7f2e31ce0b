"""Published vectors, against the opener and against the kit's own protector.

RFC 3711 appendix B.3; RFC 6188 section 7 (derivation); packets of libsrtp's ``test/srtp_driver.c``
(Copyright Cisco Systems, BSD 3-clause), some of which stand in the RFCs, too.
"""

from __future__ import annotations

import random

import pytest

from kit.srtp import Protector, derive, rtcp_packet, rtp_packet
from tqdecrypt.media.srtp import MasterKey, SrtpOpener
from tqdecrypt.media.srtp.library import load_library
from tqdecrypt.media.srtp.suites import SUITES

TEST_KEY = "e1f97a0d3e018be0d64fa32c06de41390ec675ad498afeebb6960b3aabe6"
RTP = "800f1234decafbadcafebabe" + 16 * "ab"
RTCP = "81c8000bcafebabe" + 16 * "ab"
CM = "AES_CM_128_HMAC_SHA1_80"

PACKETS = {
    "CM, 128 bits": (
        *(CM, TEST_KEY, "", RTP),
        "800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb",
    ),
    "CM, 128 bits, SRTCP": (
        *(CM, TEST_KEY, "", RTCP),
        "81c8000bcafebabe7128035be487b9bdbef89041f977a5a880000001993e08cd54d6c1230798",
    ),
    "CM, 128 bits, MKI": (
        *(CM, TEST_KEY, "e1f97a0d", RTP),
        "800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402e1f97a0db78d6acc99ea179b8dbb",
    ),
    "CM, 128 bits, MKI, SRTCP": (
        *(CM, TEST_KEY, "e1f97a0d", RTCP),
        "81c8000bcafebabe7128035be487b9bdbef89041f977a5a880000001e1f97a0d993e08cd54d6c1230798",
    ),
    "NULL": (
        *("NULL_HMAC_SHA1_80", TEST_KEY, "", RTP),
        RTP + "aba136270b679134ce9b",
    ),
    "NULL, SRTCP": (
        *("NULL_HMAC_SHA1_80", TEST_KEY, "", RTCP),
        RTCP + "00000001" + "fe88c7fdfd37ebce615d",
    ),
    "GCM, 128 bits": (
        *(
            "AEAD_AES_128_GCM",
            "000102030405060708090a0b0c0d0e0fa0a1a2a3a4a5a6a7a8a9aaab",
            "",
            RTP,
        ),
        "800f1234decafbadcafebabec5002ede04cfdd2eb91159e0880aa06ed2976826f796b201df3131a127e8a392",
    ),
    "GCM, 128 bits, SRTCP": (
        *(
            "AEAD_AES_128_GCM",
            "000102030405060708090a0b0c0d0e0fa0a1a2a3a4a5a6a7a8a9aaab",
            "",
            RTCP,
        ),
        "81c8000bcafebabec98b8b5df0392a55852b6c21ac8e7025c52c6fbea2b3b446ea31123ba88ce61e80000001",
    ),
    "CM, 192 bits": (
        "AES_192_CM_HMAC_SHA1_80",
        "73edc66c4fa15776fb57f9505c17136550ffda71f3e8e5f1c8522f3acd4ce86d5add78edbb11",
        "",
        "800f0000decafbad00000000" + 16 * "ab",
        "800f0000decafbad00000000d98865552f2762c3ef37f837acfdb7122d6bc4dc84c76f74aea5",
    ),
    "CM, 256 bits": (
        "AES_256_CM_HMAC_SHA1_80",
        "f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6"
        "3b04803de51ee7c96423ab5b78d2",
        "",
        RTP,
        "800f1234decafbadcafebabef1d9de17ff251ff1aa007774b0b4b40da08d9d9a5b3a55d8873b",
    ),
}


@pytest.mark.parametrize("name", PACKETS)
def test_published_packets_open(name: str) -> None:
    suite, material, mki, clear, sealed = PACKETS[name]
    opener = SrtpOpener([MasterKey(suite, bytes.fromhex(material), mki=bytes.fromhex(mki))])
    opened = opener.receive([bytes.fromhex(sealed)])
    assert opened.clear == [bytes.fromhex(clear)]
    assert not opened.unproven


@pytest.mark.parametrize("name", PACKETS)
def test_the_kit_protects_as_published(name: str) -> None:
    suite, material, mki, clear, sealed = PACKETS[name]
    protector = Protector(suite, bytes.fromhex(material), bytes.fromhex(mki))
    packet = bytes.fromhex(clear)
    made = protector.rtcp(packet, 1) if "SRTCP" in name else protector.rtp(packet, 0)
    assert made.hex() == sealed


@pytest.mark.parametrize(
    ("key", "salt", "expected"),
    [
        pytest.param(
            "e1f97a0d3e018be0d64fa32c06de4139",
            "0ec675ad498afeebb6960b3aabe6",
            (
                "c61e7a93744f39ee10734afe3ff7a087",
                "cebe321f6ff7716b6fd4ab49af256a156d38baa4",
                "30cbbc08863d8c85d49db34a9ae1",
            ),
            id="RFC 3711 B.3",
        ),
        pytest.param(
            "f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6",
            "3b04803de51ee7c96423ab5b78d2",
            (
                "5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4",
                "fd9c32d39ed5fbb5a9dc96b30818454d1313dc05",
                "fa31791685ca444a9e07c6c64e93",
            ),
            id="RFC 6188 7.2",
        ),
        pytest.param(
            "73edc66c4fa15776fb57f9505c17136550ffda71f3e8e5f1",
            "c8522f3acd4ce86d5add78edbb11",
            (
                "31874736a8f1143870c26e4857d8a5b2c4a354407faadabb",
                "355b10973cd95b9eacf4061c7e1a7151e7cfbfcb",
                "2372b82d639b6d8503a47adc0a6c",
            ),
            id="RFC 6188 7.4",
        ),
    ],
)
def test_session_keys_are_derived_as_published(
    key: str, salt: str, expected: tuple[str, str, str]
) -> None:
    for label, value in enumerate(expected):
        made = derive(bytes.fromhex(key), bytes.fromhex(salt), label, len(value) // 2)
        assert made.hex() == value


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("rtcp", [False, True])
def test_what_the_installed_libsrtp_sends_opens(suite: str, rtcp: bool) -> None:
    """Also AES-192, which versions up to 2.7 derive the keys of in a way of their own."""
    library = load_library()
    ffi, lib = library.ffi, library.lib
    material = random.Random(5).randbytes(SUITES[suite].material_length)
    key = MasterKey(suite, material)
    policy, kept = library.policy(key, SUITES[suite], encrypted_rtcp=True)
    policy.ssrc.value = 0x1234ABCD
    session = ffi.new("srtp_t *")
    assert lib.srtp_create(session, policy) == 0
    packets = [rtcp_packet(n) if rtcp else rtp_packet(n) for n in range(5)]
    sealed = []
    for packet in packets:
        buffer, length = ffi.new("char[]", 512), ffi.new("int *", len(packet))
        ffi.memmove(buffer, packet, len(packet))
        protect = lib.srtp_protect_rtcp if rtcp else lib.srtp_protect
        assert protect(session[0], buffer, length) == 0
        sealed.append(ffi.buffer(buffer)[: length[0]])
    lib.srtp_dealloc(session[0])
    del kept
    opener = SrtpOpener([key])
    assert opener.receive(sealed).clear == packets
    assert opener.report().sources[0].authenticated == 5
