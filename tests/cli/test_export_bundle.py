"""A support bundle tells what support needs, and nothing that is anybody's business."""

from __future__ import annotations

import base64
import gzip
import io
import json
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from cli.conftest import Runner
from kit import write_pcap
from kit.packets import CLIENT, SERVER, START, Segment
from tqdecrypt.cli.export.bundle import without_names
from tqdecrypt.example import ExampleFile
from tqdecrypt.export.pseudonyms import Pseudonyms

MEMBERS = [
    "README.txt",
    "versions.json",
    "summary.json",
    "sessions.jsonl",
    "records.jsonl",
    "messages.jsonl",
    "findings.jsonl",
]
_URI = re.compile(r"(?:sips?|tel):(?:([^@;>\s,\"]+)@)?(\[[^\]]*\]|[A-Za-z0-9.+-]+)")
_DISPLAY = re.compile(r'"([^"\r\n]{3,})"')
_ADDRESS = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b")
_NUMBER = re.compile(r"\+?\d{7,}")
_OURS = re.compile(r"[a-z_-]+")


WINDOW = 6
"""Tokens that are shorter are looked for as words only."""


class Unpacked:
    """A bundle, taken apart."""

    def __init__(self, path: Path) -> None:
        self.raw = path.read_bytes()
        with tarfile.open(fileobj=io.BytesIO(gzip.decompress(self.raw))) as archive:
            self.infos = archive.getmembers()
            self.files = {
                info.name.removeprefix("tqdecrypt-bundle/"): archive.extractfile(info).read()  # type: ignore[union-attr]
                for info in self.infos
            }

    def lines(self, name: str) -> list[Any]:
        return [json.loads(line) for line in self.files[f"{name}.jsonl"].splitlines()]

    def document(self, name: str) -> Any:
        return json.loads(self.files[f"{name}.json"])


def forms(token: bytes) -> Iterator[bytes]:
    """A token as it is, in hexadecimal, and in base64 at each of its three alignments."""
    yield token
    yield token.hex().encode()
    yield token.hex().upper().encode()
    for shift in range(3):
        # The first and the last characters depend on what stands beside the token.
        coded = base64.b64encode(bytes(shift) + token)
        yield coded[(shift * 8 + 5) // 6 : (shift + len(token)) * 8 // 6]


def assert_without(bundle: Unpacked, tokens: set[bytes]) -> None:
    assert len(tokens) > 5, "there is something to look for"
    content = b"\n".join((bundle.raw, *bundle.files.values()))
    begins: dict[bytes, set[bytes]] = {}
    for token in tokens:
        for form in forms(token):
            if len(form) >= WINDOW:
                begins.setdefault(form[:WINDOW], set()).add(form)
        if len(token) < WINDOW:
            assert not _stands_alone(token, content), token
    # Thousands of tokens and one pass: looked up is what stands at each place.
    for at in range(len(content) - WINDOW + 1):
        for form in begins.get(content[at : at + WINDOW], ()):
            assert not content.startswith(form, at), (form, content[at - 40 : at + 40])


def _stands_alone(word: bytes, content: bytes) -> bool:
    return re.search(rb"(?<![\w.-])" + re.escape(word) + rb"(?![\w.-])", content) is not None


def names_in(run: Runner, *arguments: str | Path) -> set[bytes]:
    """Every number, user, host, display name, address and identifier that reading brings to light."""
    ran = run("read", "--json", "--raw", *arguments)
    found: set[str] = set()
    for line in map(json.loads, ran.out.splitlines()):
        if line["type"] == "message":
            raw = line["raw"]
            for user, host in _URI.findall(raw):
                found |= {user, host}
            found |= set(_DISPLAY.findall(raw)) | set(_ADDRESS.findall(raw))
            found |= set(_NUMBER.findall(line["from"] or "") + _NUMBER.findall(line["to"] or ""))
            found |= {line["call_id"], _host(line["source"]), _host(line["destination"])}
        elif line["type"] == "session":
            found |= {_host(line["client"]), _host(line["server"]), line["sni"] or ""}
            for side in ("server", "client"):
                found |= {*line[f"{side}_names"], line[f"{side}_subject"] or ""}
                found.add(line[f"{side}_certificate"] or "")
    # "sip" as a user is no name of anybody, and stands in every bundle.
    return {one.encode() for one in found if len(one) > 2 and one not in ("sip", "ping", "call")}


def _host(endpoint: str) -> str:
    return endpoint.rpartition(":")[0].strip("[]")


def secrets_in(keys: list[Path], keylogs: list[Path]) -> set[bytes]:
    """Every part of the private keys and every secret of the key logs, as bytes and as written."""
    found: set[bytes] = set()
    for path in keys:
        pem = path.read_bytes()
        found |= {line for line in pem.splitlines() if len(line) > 20 and b"-----" not in line}
        key = load_pem_private_key(pem, None)
        if isinstance(key, RSAPrivateKey):
            numbers = key.private_numbers()
            for number in (
                numbers.d,
                numbers.p,
                numbers.q,
                numbers.dmp1,
                numbers.dmq1,
                numbers.iqmp,
            ):
                found.add(number.to_bytes((number.bit_length() + 7) // 8, "big"))
                found.add(str(number).encode())
    for path in keylogs:
        for line in path.read_text().splitlines():
            words = line.split()
            if len(words) == 3 and not line.startswith("#"):
                found |= {bytes.fromhex(words[1]), bytes.fromhex(words[2])}
    return found


@pytest.fixture
def made(run: Runner, capture: Path, key: Path, tmp_path: Path) -> Unpacked:
    path = tmp_path / "bundle.tar.gz"
    ran = run("export", "bundle", capture, "-k", key, "-o", path)
    assert ran.status == 0
    assert ran.err == (
        f"tqdecrypt: the bundle is in {path}: 8 TLS sessions, 59 SIP messages, 4 findings, "
        "6 addresses behind pseudonyms.\n"
    )
    return Unpacked(path)


def test_nothing_of_the_example_leaves(
    run: Runner,
    capture: Path,
    key: Path,
    made: Unpacked,
    example: dict[ExampleFile, Path],
    tmp_path: Path,
) -> None:
    keylog = example["ecdhe.keylog"]
    tokens = names_in(run, capture, "-k", key, "--keylog", keylog) | secrets_in([key], [keylog])
    assert {b"192.0.2.10", b"+442079460103", b"sip.example.com", b"pbx.example.net"} <= tokens
    tokens |= {b"server.key", b"calls.pcap", str(capture.parent).encode()}
    assert_without(made, tokens)
    path = tmp_path / "second.tar.gz"
    assert run("export", "bundle", capture, "-k", key, "--keylog", keylog, "-o", path).status == 0
    assert_without(Unpacked(path), tokens)


@pytest.mark.shared
@pytest.mark.parametrize("which", ["[!m]*.pcap", pytest.param("m*.pcap", marks=pytest.mark.full)])
def test_nothing_of_the_shared_captures_leaves(
    run: Runner, shared: Path, tmp_path: Path, which: str
) -> None:
    folder = shared / "captures"
    texts = {path: path.read_bytes() for path in (folder / "keys").iterdir() if path.is_file()}
    keys = sorted(p for p, text in texts.items() if b"PRIVATE" in text and b"ENCRYPTED" not in text)
    for capture in sorted(folder.glob(which)):
        keylog = capture.with_suffix(".keylog")
        given: list[str | Path] = [argument for key in keys for argument in ("-k", key)]
        if keylog.exists():
            given += ["--keylog", keylog]
        path = tmp_path / f"{capture.stem}.tar.gz"
        run("export", "bundle", capture, *given, "-o", path)
        tokens = names_in(run, capture, *given)
        tokens |= secrets_in(keys, [keylog] if keylog.exists() else [])
        assert_without(Unpacked(path), tokens)


def test_the_search_finds_what_is_there() -> None:
    for token in (b"+442079460103", b"alice", bytes(range(32))):
        for shift in range(3):
            content = base64.b64encode(b"x" * shift + token + b"and more")
            assert any(form in content for form in forms(token)), (token, shift)


def test_it_says_what_support_needs(made: Unpacked) -> None:
    assert list(made.files) == MEMBERS
    sessions = {line["session"]: line for line in made.lines("sessions")}
    assert len(sessions) == 8
    dark = sessions[7]
    assert dark["verdict"] == "forward-secrecy"
    assert dark["side"] == "client"
    assert dark["evidence_frames"] == [187, 194, 189, 190, 196]
    [exchange] = dark["exchanges"]
    hello, answer = exchange["client_hello"], exchange["server_hello"]
    assert hello["cipher_suites"][0] == "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"
    assert hello["extensions"] == [0, 11, 10, 35, 22, 23, 13]
    assert hello["supported_groups"][:2] == [29, 23]
    assert answer["cipher_suite"] == "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"
    assert (exchange["extended_master_secret"], exchange["encrypt_then_mac"]) == (True, False)
    certificate = exchange["certificates"]["server"]
    assert (certificate["key"], certificate["key_bits"]) == ("RSA", 2048)
    assert certificate["signature_algorithm"] == "1.2.840.113549.1.1.11", "sha256WithRSAEncryption"
    assert exchange["phases_ms"]["server_hello"] == pytest.approx(0.978)
    failed = sessions[8]
    assert failed["alerts"][0]["alert"] == "unknown_ca"
    versions = made.document("versions")
    assert versions["openssl"].startswith("OpenSSL")
    assert versions["keys"][0]["bits"] == 2048
    assert versions["keys"][0]["public_key_hash"] == certificate["public_key_hash"]
    summary = made.document("summary")
    assert (summary["packets"], summary["messages"], summary["problems"]) == (235, 59, [])
    assert {line["finding"] for line in made.lines("findings")} == {
        "call-failed",
        "tls-handshake-failed",
    }


def test_records_are_those_of_the_capture(made: Unpacked) -> None:
    directions = made.lines("records")
    assert len(directions) == 16
    client = next(d for d in directions if d["session"] == 7 and d["sender"] == "A1:46289")
    assert client["types"] == {"20": 1, "22": 5, "23": 3}
    assert client["records"] == len(client["first"]) == 9
    assert client["first"][0] == [22, 155, 187, 0.0]
    assert [kind for kind, _, _, _ in client["first"]][4:6] == [20, 22]
    session = next(line for line in made.lines("sessions") if line["session"] == 7)
    data = sum(length for kind, length, _, _ in client["first"] if kind == 23)
    assert data <= session["client_encrypted_bytes"] <= client["bytes"]


def test_the_same_is_called_the_same(made: Unpacked) -> None:
    messages = made.lines("messages")
    assert len(messages) == 59
    assert len({line["call"] for line in messages}) == 8
    assert {line["source"].partition(":")[0] for line in messages} <= {
        f"A{number}" for number in range(1, 7)
    }
    first = messages[0]
    assert (first["method"], first["source"], first["destination"]) == (
        "OPTIONS",
        "A1:42897",
        "A2:5061",
    )
    assert set(first) == {
        "time", "frame", "session", "source", "destination", "transport", "integrity", "method",
        "cseq_method", "length", "call", "transaction",
    }  # fmt: skip
    calls = {line["call"] for line in messages}
    assert all(set(line["calls"]) <= calls for line in made.lines("findings"))


def test_two_bundles_differ_in_their_hashes_alone(
    run: Runner, capture: Path, key: Path, made: Unpacked, tmp_path: Path
) -> None:
    path = tmp_path / "again.tar.gz"
    run("export", "bundle", capture, "-k", key, "-o", path)
    again = Unpacked(path)
    hashed = re.compile(rb'"[0-9a-f]{16}"')
    assert again.files["messages.jsonl"] != made.files["messages.jsonl"]
    for name in MEMBERS:
        assert hashed.sub(b"#", again.files[name]) == hashed.sub(b"#", made.files[name])
    assert all((info.mtime, info.uname, info.uid) == (0, "", 0) for info in again.infos)


def test_its_readme_names_every_file(made: Unpacked) -> None:
    readme = made.files["README.txt"].decode()
    for name in MEMBERS:
        assert f"\n{name} " in readme


def test_what_peers_call_their_methods_stays_here(run: Runner, tmp_path: Path) -> None:
    data = (
        b"ALICE sip:b SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKbranchy\r\nFrom: <sip:a>;tag=1\r\n"
        b"To: <sip:b>\r\nCall-ID: 1\r\nCSeq: 1 ALICE\r\nContent-Length: 0\r\n\r\n"
    )
    capture, path = tmp_path / "c.pcap", tmp_path / "b.tar.gz"
    write_pcap(capture, [Segment(START, CLIENT, SERVER, data).packet()])
    assert run("export", "bundle", capture, "-o", path).status == 0
    bundle = Unpacked(path)
    [line] = bundle.lines("messages")
    assert (line["method"], line["cseq_method"]) == ("other", "other")
    assert_without(
        bundle, {b"ALICE", b"branchy", b"192.0.2.10", b"192.0.2.20", b"c.pcap", b"z9hG4bK"}
    )


def test_problems_lose_their_names(run: Runner, capture: Path, tmp_path: Path) -> None:
    cut = tmp_path / "customer Smith.pcap"
    cut.write_bytes(capture.read_bytes()[:-7])
    path = tmp_path / "b.tar.gz"
    ran = run("export", "bundle", cut, "-k", tmp_path / "Smith.key", "-o", path)
    assert ran.status == 1, "what could be read was done"
    bundle = Unpacked(path)
    problems = bundle.document("summary")["problems"]
    assert len(problems) == 2
    assert any("(capture 1)" in problem for problem in problems)
    for content in bundle.files.values():
        assert b"Smith" not in content
        assert str(tmp_path).encode() not in content


def test_sentences_without_names() -> None:
    names = {"/keys/a b.key": "(key 1)", "a b.key": "(key 1)"}
    said = without_names(
        "/keys/a b.key: see /etc/x, 192.0.2.1 or [2001:db8::1]:5061.", names, Pseudonyms(b"k")
    )
    assert said == "(key 1): see (path), A1 or A2:5061."


def test_sessions_that_are_not_chosen_stay_out(
    run: Runner, capture: Path, key: Path, tmp_path: Path
) -> None:
    path = tmp_path / "b.tar.gz"
    assert run("export", "bundle", capture, "-k", key, "-o", path, "--session", "7").status == 0
    bundle = Unpacked(path)
    assert [line["session"] for line in bundle.lines("sessions")] == [7]
    assert {line["session"] for line in bundle.lines("records")} == {7}
    assert bundle.lines("messages") == []


def test_where_nothing_is_chosen_nothing_is_written(
    run: Runner, capture: Path, key: Path, tmp_path: Path
) -> None:
    path = tmp_path / "out"
    ran = run("export", "bundle", capture, "-k", key, "-o", path, "--since", "2030-01-01T00:00Z")
    assert ran.status == 2
    assert "nothing in the captures is chosen" in ran.err
    assert list(tmp_path.iterdir()) == []
