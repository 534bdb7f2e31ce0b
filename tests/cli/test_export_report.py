"""The report: what it says of captures whose truth is known, and what it looks like in a browser."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from cli.conftest import Runner, spawn
from kit import write_pcap
from kit.browser import Browser
from kit.packets import CLIENT, SERVER, START, Segment
from tqdecrypt.views.palette import page_style_sheet
from views.pages import HOSTILE
from views.scenes import assert_snapshot

WIDE, PHONE = 1280, 390


class Reader(HTMLParser):
    """The words of a page, and what it is made of."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[str] = []
        self.outline: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self._heading = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag in ("h1", "h2", "h3", "caption"):
            self._heading = tag
            self.outline.append(f"{tag} ")

    def handle_endtag(self, tag: str) -> None:
        if tag == self._heading:
            self._heading = ""

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if self._heading:
            self.outline[-1] += data

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


@pytest.fixture
def made(run: Runner, capture: Path, key: Path, tmp_path: Path) -> Path:
    path = tmp_path / "report.html"
    ran = run("export", "report", capture, "-k", key, "-o", path)
    assert ran.status == 0
    assert ran.err == f"tqdecrypt: the report is in {path}: 6 calls, 8 TLS sessions, 2 ladders.\n"
    return path


def test_somebody_who_was_not_there_learns_what_happened(made: Path) -> None:
    text = Reader(made.read_text(encoding="utf-8")).text
    for sentence in (
        "This report is about 1 capture with 235 packets (96.0 kB), recorded on 2026-11-24 from "
        "00:18:28 to 00:18:45 UTC (16 seconds).",
        "Of 6 calls 3 were answered, 1 failed, 1 was busy or declined and 1 was given up by the caller.",
        "Of 7 TLS sessions that carried something 6 could be decrypted (86%)",
        "1 session stayed dark: forward secrecy, needs session secrets. What has to change: the TLS "
        "client's settings.",
        "4 findings: 2 errors, 2 notices.",
        "Who has to change something: the TLS client, 192.0.2.10:46289.",
        "What it means. An INVITE got a final response of 400 or more",
        "Finished The last message of a handshake from each side",
    ):
        assert sentence in text


def test_the_structure_of_the_example(made: Path) -> None:
    page = Reader(made.read_text(encoding="utf-8"))
    assert_snapshot("report", "\n".join(page.outline) + "\n")
    assert not {"script", "iframe", "object", "embed", "link", "img", "base"} & set(page.tags)
    names = {name for name, _ in page.attributes}
    assert not any(name.startswith("on") for name in names)
    assert not {"style", "src", "srcset", "action", "formaction"} & names
    links = [value for name, value in page.attributes if name == "href"]
    assert links
    assert all(re.fullmatch("#[a-z]+", link) for link in links)
    identifiers = [value for name, value in page.attributes if name == "id"]
    assert {link[1:] for link in links} <= set(identifiers)
    assert len(identifiers) == len(set(identifiers))


def test_the_policy_names_the_style_sheet_and_nothing_else(made: Path) -> None:
    page = made.read_text(encoding="utf-8")
    [policy] = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert re.fullmatch(
        "default-src 'none'; style-src 'sha256-[A-Za-z0-9+/=]{44}'; base-uri 'none'; form-action 'none'",
        policy,
    )
    assert page.count("<style>") == 1
    assert f"<style>{page_style_sheet()}</style>" in page


def test_pictures_in_it_are_well_formed(made: Path) -> None:
    pictures = re.findall(r"<svg .*?</svg>", made.read_text(encoding="utf-8"), re.DOTALL)
    assert len(pictures) == 6, (
        "shares, two ladders, the time line, how long handshakes took, how many"
    )
    for picture in pictures:
        ElementTree.fromstring(picture)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as browser:
        yield browser


@pytest.mark.peer("chromium")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [WIDE, PHONE])
def test_a_browser_shows_it_without_a_complaint_or_a_request(
    browser: Browser, made: Path, width: int, scheme: str
) -> None:
    seen = browser.open(made, width, 900, scheme)
    assert seen.complaints == []
    assert seen.requests == []
    assert browser.evaluate("document.title") == "Encrypted SIP: what happened"
    assert "3 of 6" in browser.evaluate("document.body.innerText")
    # Wide things scroll in their own boxes, the page never does.
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    background = browser.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(13, 17, 23)")
    picture = browser.picture()
    assert picture.startswith(b"\x89PNG")
    assert int.from_bytes(picture[16:20], "big") == width


@pytest.mark.peer("chromium", "pdftotext")
def test_it_prints_on_paper(browser: Browser, made: Path, tmp_path: Path) -> None:
    browser.open(made)
    path = tmp_path / "report.pdf"
    path.write_bytes(browser.pdf())
    told = subprocess.run(["pdfinfo", path], capture_output=True, text=True, check=True).stdout
    assert re.search(r"Page size: +59[45][.\d]* x 84[12][.\d]* pts \(A4\)", told)
    [pages] = re.findall(r"Pages: +(\d+)", told)
    assert 4 <= int(pages) <= 10
    text = subprocess.run(
        ["pdftotext", "-layout", path, "-"], capture_output=True, text=True, check=True
    ).stdout
    for words in ("In short", "404 Not Found", "All TLS sessions", "forward secrecy", "Terms"):
        assert words in text
    assert "The same as a table" not in text, "what is folded in stays off the paper"
    assert text.count("Evidence: frames") > 1, "the head of a table stands on each of its pages"


@pytest.mark.peer("chromium")
def test_the_browser_of_these_tests_does_complain(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "bad.html"
    path.write_text(
        "<!doctype html><meta http-equiv='Content-Security-Policy' content=\"default-src 'none'\">"
        "<p style='color:red'>x</p><img src='http://192.0.2.1/x.png'><script>alert(1)</script>"
    )
    seen = browser.open(path)
    assert len(seen.complaints) == 3
    assert seen.requests == ["http://192.0.2.1/x.png"]


def hostile(path: Path) -> list[str]:
    """A capture of calls that fail, whose every name is an attack; return what must not be markup."""
    datagrams: list[Segment] = []
    for number, evil in enumerate(HOSTILE):
        text = evil.replace("\r", "").replace("\n", "").encode("utf-8", "surrogatepass")
        for source, target, start in (
            (CLIENT, SERVER, b"INVITE sip:" + text + b"@b.example SIP/2.0"),
            (SERVER, CLIENT, b"SIP/2.0 503 " + text),
        ):
            data = (
                start
                + b'\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK%d\r\nFrom: "' % number
                + text
                + b'" <sip:'
                + text
                + b"@a.example>;tag=1\r\nTo: <sip:"
                + text
                + b"@b.example>\r\n"
                b"Call-ID: %d-" % number + text + b"\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
            )
            datagrams.append(Segment(START + len(datagrams), source, target, data))
    write_pcap(path, [segment.packet() for segment in datagrams])
    return list(HOSTILE)


@pytest.mark.peer("chromium")
def test_what_peers_send_stays_text(run: Runner, browser: Browser, tmp_path: Path) -> None:
    capture, path = tmp_path / "evil<b>.pcap", tmp_path / "report.html"
    hostile(capture)
    evil = "</title><script>alert(1)</script>"
    ran = run(
        "export",
        "report",
        capture,
        "-o",
        path,
        "--title",
        evil,
        "--note",
        f"{evil}\nand \u202eso on",
    )
    assert ran.status == 0
    page = Reader(path.read_text(encoding="utf-8"))
    assert not {"script", "img", "b", "x"} & set(page.tags)
    assert "<script>alert(1)</script>" in page.text
    assert "\\u202egnp.exe" in page.text
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u200b]", page.text)
    seen = browser.open(path)
    assert (seen.complaints, seen.requests) == ([], [])
    assert browser.evaluate("document.title") == evil
    assert browser.evaluate("document.querySelectorAll('script, img').length") == 0


def test_title_note_and_choice_stand_in_it(
    run: Runner, capture: Path, key: Path, tmp_path: Path
) -> None:
    path = tmp_path / "report.html"
    ran = run(
        "export", "report", capture, "-k", key, "-o", path,
        "--title", "Ticket 4711", "--note", "First line.\nSecond line.", "--call", "busy", "--calls", "0",
    )  # fmt: skip
    assert ran.status == 0
    page = Reader(path.read_text(encoding="utf-8"))
    assert "h1 Ticket 4711" in page.outline
    assert "First line. Second line." in page.text
    assert "It is limited to: the call busy." in page.text
    assert "Of 1 call 1 was busy or declined." in page.text
    assert "not-found" not in page.text
    assert ran.err.endswith("1 call, 1 TLS session, 1 ladder; left out: 1 call.\n")


def test_ladders_are_bounded_and_say_so(
    run: Runner, capture: Path, key: Path, tmp_path: Path
) -> None:
    path = tmp_path / "report.html"
    ran = run("export", "report", capture, "-k", key, "-o", path, "--ladders", "1")
    assert ran.err.endswith("1 ladder; left out: 1 ladder of a failed call.\n")
    page = path.read_text(encoding="utf-8")
    assert page.count('class="tq ladder"') == 1
    assert "busy-1.105@pbx.example.net" in page, "it is in the tables all the same"


def test_from_a_pipe_it_says_what_is_missing(capture: Path, key: Path) -> None:
    with (
        subprocess.Popen(["cat", capture], stdout=subprocess.PIPE) as cat,
        spawn("export", "report", "-", "-k", key, "-o", "-", stdin=cat.stdout) as process,
    ):
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    text = Reader(out.decode()).text
    assert "a pipe comes but once" in text
    assert "404 Not Found" in text
    assert b"the report is in standard output" in err


def test_a_capture_without_anything_makes_a_report_that_says_so(
    run: Runner, tmp_path: Path
) -> None:
    empty, path = tmp_path / "empty.pcap", tmp_path / "report.html"
    write_pcap(empty, [])
    assert run("export", "report", empty, "-o", path).status == 0
    text = Reader(path.read_text(encoding="utf-8")).text
    assert "This report is about 1 capture without any packet." in text
    assert "No call could be read in it." in text
    assert "There was no encrypted connection (TLS) in it." in text
    assert "Nothing was found to be wrong" in text


def test_a_report_that_is_there_stays_unless_forced(
    run: Runner, capture: Path, key: Path, made: Path
) -> None:
    before = made.read_bytes()
    ran = run("export", "report", capture, "-k", key, "-o", made)
    assert ran.status == 2
    assert "is there already" in ran.err
    assert made.read_bytes() == before
    assert run("export", "report", capture, "-k", key, "-o", made, "--force").status == 0


def test_where_nothing_is_chosen_nothing_is_written(
    run: Runner, capture: Path, key: Path, tmp_path: Path
) -> None:
    path = tmp_path / "out"
    ran = run("export", "report", capture, "-k", key, "-o", path, "--since", "2030-01-01T00:00Z")
    assert ran.status == 2
    assert "nothing in the captures is chosen" in ran.err
    assert list(tmp_path.iterdir()) == []
