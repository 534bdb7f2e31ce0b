"""``what-if`` and ``advise`` as users run them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.conftest import Runner
from kit import Conversation, TlsPair, certificates, write_pcap
from kit.packets import interleave
from kit.tls import Version
from tqdecrypt.vendors import load_vendor, vendor_names

REQUEST = (
    b"OPTIONS sip:sbc.example.com SIP/2.0\r\nVia: SIP/2.0/TLS 192.0.2.10;branch=z9hG4bK1\r\n"
    b"From: <sip:a@example.com>;tag=1\r\nTo: <sip:b@example.com>\r\nCall-ID: 1@example.com\r\n"
    b"CSeq: 1 OPTIONS\r\nUser-Agent: Asterisk PBX 18\r\nContent-Length: 0\r\n\r\n"
)


@pytest.fixture
def trunk(tmp_path: Path) -> Path:
    """Three clients of one server: TLS 1.3, ECDHE though RSA was offered, ECDHE alone."""
    pairs = {
        "192.0.2.11": TlsPair(version=Version.TLSv1_3),
        "192.0.2.12": TlsPair(
            ciphers="ECDHE-RSA-AES128-GCM-SHA256:AES128-GCM-SHA256",
            server_ciphers="ECDHE-RSA-AES128-GCM-SHA256",
        ),
        "192.0.2.13": TlsPair(ciphers="ECDHE-RSA-AES128-GCM-SHA256"),
        "192.0.2.14": TlsPair(ciphers="AES128-GCM-SHA256"),
    }
    talks = []
    for host, pair in pairs.items():
        pair.say(True, REQUEST)
        talk = Conversation((host, 40000), ("192.0.2.20", 5061)).open()
        for flight in pair.flights:
            talk.send(flight.from_client, flight.data)
        talks.append(talk.close())
    return write_pcap(tmp_path / "trunk.pcap", interleave(*talks))


@pytest.fixture
def server_key(tmp_path: Path) -> Path:
    key = certificates.server().write(tmp_path).key
    key.chmod(0o600)
    return key


def test_it_says_what_becomes_of_each_client(trunk: Path, server_key: Path, run: Runner) -> None:
    ran = run(
        "what-if", trunk, "-k", server_key, "--ciphers", "AES128-GCM-SHA256", "--versions", "1.2"
    )
    assert ran.status == 0
    assert ran.err == ""
    assert "Server 192.0.2.20:5061  2 decrypt, 0 stay dark, 2 fail to connect" in ran.out
    assert "4 sessions; your server; certificate RSA 2048." in ran.out
    assert "✓ TLS 1.2 TLS_RSA_WITH_AES_128_GCM_SHA256" in ran.out
    assert "✗ no shared suite" in ran.out
    assert "Forward secrecy ends for 1 of 4" in ran.out


def test_it_proposes_the_smallest_change(trunk: Path, server_key: Path, run: Runner) -> None:
    ran = run("what-if", trunk, "-k", server_key, "--propose", "--vendor", "kamailio")
    assert ran.status == 0
    assert "Proposal: 1 change  none smaller does it" in ran.out
    assert "1. move TLS_RSA_WITH_AES_128_GCM_SHA256 to the front of the list" in ran.out
    # The client with TLS 1.3 alone keeps it on, and nobody else needs it off.
    assert "turn TLS 1.3 off" not in ran.out
    assert "192.0.2.11, 192.0.2.13: no suite with RSA key exchange" in ran.out
    assert 'modparam("tls", "cipher_list", "<cipher-list>")' in ran.out


def test_json_has_everything(trunk: Path, server_key: Path, run: Runner) -> None:
    ran = run("what-if", trunk, "-k", server_key, "--json", "--propose", "--vendor", "oracle")
    whole = json.loads(ran.out)
    (server,) = whole["servers"]
    assert whole["type"] == "what_if"
    assert server["whose"] == "ours"
    assert server["settings"]["versions"] == ["TLS 1.2", "TLS 1.3"]
    clients = {one["client"]: one for one in server["clients"]}
    assert clients["192.0.2.11"]["now"]["version"] == "TLS 1.3"
    assert clients["192.0.2.14"]["decrypted"] == 1
    assert clients["192.0.2.14"]["product"] == "asterisk"
    proposal = server["proposal"]
    assert proposal["changes"] == [
        {
            "change": "move_first",
            "suite": "TLS_RSA_WITH_AES_128_GCM_SHA256",
            "sentence": "move TLS_RSA_WITH_AES_128_GCM_SHA256 to the front of the list",
        }
    ]
    assert proposal["smallest"] is True
    assert proposal["settings"]["list"].startswith("TLS_RSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE")
    after = {one["client"]: one["outcome"] for one in proposal["clients"]}
    assert after["192.0.2.12"] == "decrypts"
    assert server["forward_secrecy_lost"] == 1
    assert whole["vendor"]["name"] == "oracle"


def test_a_list_that_is_not_known_whole_says_so(trunk: Path, run: Runner) -> None:
    ran = run("what-if", trunk, "--ciphers", "3DES:AES128-SHA:NONSENSE")
    assert "the OpenSSL of this machine has them not" in ran.out
    assert "left out: NONSENSE" in ran.out


@pytest.mark.parametrize(
    ("switches", "sentence"),
    [
        ((), "say what to reckon with: --ciphers LIST, --versions LIST or --propose."),
        (("--ciphers", "NONSENSE"), "'NONSENSE' names no cipher suite"),
        (("--versions", "1.7"), "--versions: '1.7' is none of 1.0, 1.1, 1.2, 1.3."),
        (("--versions", ","), "--versions names no version"),
        (("--ciphers", "ALL", "--order", "none"), "--order is server or client, not 'none'."),
        (("--ciphers", "ALL", "--certificate", "dsa"), "--certificate is rsa or ecdsa, not 'dsa'."),
        (("--ciphers", "ALL", "--for", "acme"), "--for goes with --propose."),
        (("--propose", "--vendor", "nobody"), "there is no advice for 'nobody'"),
        (("--propose", "--server", "192.0.2.99"), "no TLS server of the capture is 192.0.2.99"),
    ],
)
def test_a_mistake_gets_one_sentence(
    switches: tuple[str, ...], sentence: str, trunk: Path, run: Runner
) -> None:
    ran = run("what-if", trunk, *switches)
    assert ran.status == 2
    assert sentence in ran.err
    assert ran.err.count("\n") == 1


def test_an_ecdsa_certificate_can_be_supposed(trunk: Path, run: Runner) -> None:
    ran = run(
        *("what-if", trunk, "--ciphers", "AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256"),
        *("--certificate", "ecdsa", "--versions", "1.2"),
    )
    assert "0 decrypt, 0 stay dark, 4 fail to connect" in ran.out


def test_a_capture_without_tls_is_answered(tmp_path: Path, run: Runner) -> None:
    talk = Conversation().datagram(True, REQUEST)
    capture = write_pcap(tmp_path / "clear.pcap", talk.packets)
    ran = run("what-if", capture, "--ciphers", "AES128-SHA")
    assert ran.status == 0
    assert "There is no TLS session with a ClientHello to reckon with." in ran.out


@pytest.mark.parametrize("name", vendor_names())
def test_advice_is_printed_for_every_vendor(name: str, run: Runner) -> None:
    ran = run("advise", name)
    assert ran.status == 0
    assert ran.out.startswith(f"{load_vendor(name).title}\n")
    sure = sum(one.confirmed for one in load_vendor(name).statements)
    assert ran.out.count("✓ confirmed: ") == sure
    assert ran.out.count("✗ not confirmed: ") == len(load_vendor(name).statements) - sure


def test_advice_is_listed_and_chosen(run: Runner) -> None:
    listed = run("advise", "--list")
    assert [line.split()[0] for line in listed.out.splitlines()[1:]] == list(vendor_names())
    one = run("advise", "kam", "--topic", "tls13-off", "--ascii")
    assert one.out.splitlines()[2].startswith("TLS 1.3 off")
    assert 'modparam("tls", "tls_method", "TLSv1.2")' in one.out
    assert one.out.isascii()


def test_advice_as_json(run: Runner) -> None:
    whole = json.loads(run("advise", "cisco", "--json", "--topic", "show").out)
    assert whole["name"] == "cisco-cube"
    assert [one["topic"] for one in whole["statements"]] == ["show"]
    assert len(run("advise", "--json").out.splitlines()) == len(vendor_names())


@pytest.mark.parametrize("arguments", [(), ("nobody",), ("kamailio", "--topic", "none")])
def test_advice_that_is_not_there_is_a_mistake(arguments: tuple[str, ...], run: Runner) -> None:
    ran = run("advise", *arguments)
    assert ran.status == 2
    assert ran.out == ""
    assert ran.err.count("\n") == 1


def test_many_servers_and_clients_are_shown_in_part(
    tmp_path: Path, run: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tqdecrypt.views import what_if

    monkeypatch.setattr(what_if, "MOST_SERVERS", 2)
    monkeypatch.setattr(what_if, "MOST_ROWS", 1)
    pair = TlsPair(ciphers="AES128-GCM-SHA256")
    talks = [
        Conversation((client, 40000), (server, 5061)).open()
        for server in ("192.0.2.20", "192.0.2.21", "192.0.2.22")
        for client in ("192.0.2.10", "192.0.2.11")
    ]
    for talk in talks:
        for flight in pair.flights:
            talk.send(flight.from_client, flight.data)
    capture = write_pcap(tmp_path / "many.pcap", interleave(*talks))
    ran = run("what-if", capture, "--ciphers", "AES128-GCM-SHA256")
    assert ran.out.count("and 1 more; --json has all.") == 2
    assert "and 1 more server: --server names one, --json has all." in ran.out
    whole = json.loads(run("what-if", capture, "--ciphers", "AES128-GCM-SHA256", "--json").out)
    assert [len(server["clients"]) for server in whole["servers"]] == [2, 2, 2]
