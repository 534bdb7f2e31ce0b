"""The example that ships with the package holds what its ``expected.json`` says; tshark is judge."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from kit.peers import tshark, tshark_fields, tshark_sip, tshark_sip_streams
from tqdecrypt.example import FILES, ExampleFile, example_path

SUITES = {
    "0x009c": "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "0x009d": "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "0xc030": "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
}


@pytest.fixture(scope="module")
def example() -> Iterator[dict[ExampleFile, Path]]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(example_path(name)) for name in FILES}


@pytest.fixture(scope="module")
def expected(example: dict[ExampleFile, Path]) -> Any:
    return json.loads(example["expected.json"].read_text())


def messages(capture: Path, key: Path | None = None, keylog: Path | None = None) -> dict[str, int]:
    """Count SIP messages by transport, as tshark sees them."""
    return {
        "TLS": len(tshark_sip(capture, "sip && tcp", key=key, keylog=keylog)),
        "UDP": len(tshark_sip(capture, "sip && udp", key=key, keylog=keylog)),
    }


@pytest.mark.peer("tshark")
def test_the_key_opens_exactly_the_rsa_sessions(
    example: dict[ExampleFile, Path], expected: Any
) -> None:
    capture, key, keylog = example["calls.pcap"], example["server.key"], example["ecdhe.keylog"]
    assert messages(capture) == expected["messages"]["without_key"]
    assert messages(capture, key) == expected["messages"]["with_key"]
    assert messages(capture, key, keylog) == expected["messages"]["with_key_and_keylog"]


@pytest.mark.peer("tshark")
def test_every_session_has_its_messages_and_its_suite(
    example: dict[ExampleFile, Path], expected: Any
) -> None:
    capture, key, keylog = example["calls.pcap"], example["server.key"], example["ecdhe.keylog"]
    found = tshark_sip_streams(capture, key=key, keylog=keylog)
    assert [len(found.get(s["session"] - 1, ())) for s in expected["sessions"]] == [
        s["messages"] for s in expected["sessions"]
    ]

    hellos = tshark_fields(capture, "tls.handshake.type == 2", "tls.handshake.ciphersuite")
    assert [SUITES[suite] for (suite,) in hellos] == [
        session["cipher_suite"] for session in expected["sessions"]
    ]


@pytest.mark.peer("tshark")
def test_the_ephemeral_session_stays_dark_with_the_key(
    example: dict[ExampleFile, Path], expected: Any
) -> None:
    (dark,) = (s for s in expected["sessions"] if s["verdict"] == "forward-secrecy")
    condition = f"tcp.stream == {dark['session'] - 1} && sip"
    assert tshark_sip(example["calls.pcap"], condition, key=example["server.key"]) == []


@pytest.mark.peer("tshark")
def test_the_stranger_is_turned_away_with_an_alert(
    example: dict[ExampleFile, Path], expected: Any
) -> None:
    (failed,) = (s for s in expected["sessions"] if s["verdict"] == "handshake-failed")
    condition = f"tcp.stream == {failed['session'] - 1} && tls.alert_message.level == 2"
    alerts = tshark_fields(example["calls.pcap"], condition, "tls.alert_message.desc")
    assert alerts == [[str(failed["alert"])]]


@pytest.mark.peer("tshark")
def test_every_call_ends_as_it_should(example: dict[ExampleFile, Path], expected: Any) -> None:
    capture, key, keylog = example["calls.pcap"], example["server.key"], example["ecdhe.keylog"]
    names = ("sip.from.user", "sip.to.user", "sip.Status-Code")
    condition = 'tls && sip.CSeq.method == "INVITE" && sip.Status-Code >= 200'
    rows = tshark_fields(capture, condition, *names, key=key, keylog=keylog)
    assert sorted(rows) == sorted(
        [call["caller"], call["callee"], str(call["final_status"])] for call in expected["calls"]
    )


@pytest.mark.peer("tshark")
def test_nothing_in_the_capture_is_malformed(example: dict[ExampleFile, Path]) -> None:
    condition = (
        "_ws.malformed || tcp.analysis.flags || ip.checksum.status == 0"
        " || tcp.checksum.status == 0 || udp.checksum.status == 0"
    )
    arguments = ["-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE"]
    capture, key = example["calls.pcap"], example["server.key"]
    assert (
        tshark(capture, "-o", "udp.check_checksum:TRUE", *arguments, "-Y", condition, key=key) == ""
    )


def test_the_key_is_the_certificate_s_and_says_that_it_is_throw_away(
    example: dict[ExampleFile, Path],
) -> None:
    pem = example["server.key"].read_bytes()
    certificate = x509.load_pem_x509_certificate(example["server.crt"].read_bytes())
    assert load_pem_private_key(pem, None).public_key() == certificate.public_key()
    assert pem.startswith(b"Throw-away key")


def test_the_example_is_small_and_fictitious(
    example: dict[ExampleFile, Path], expected: Any
) -> None:
    assert example["calls.pcap"].stat().st_size < 150_000
    for call in expected["calls"]:
        assert re.fullmatch(r"\+442079460\d{3}", call["caller"])
        assert re.fullmatch(r"\+120255501\d{2}", call["callee"])
