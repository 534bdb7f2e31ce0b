"""Makes the pictures of the documentation from the example capture.

Commands run as in a terminal of 100 columns, in a folder with nothing but the example; ladder and time
line are the SVG that the views make.  The same input gives the same bytes; tests/views/test_pictures.py
holds docs/pictures/ to it.  The report is photographed in Chromium, where that is installed; which page a
photograph is of stands in it.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from hashlib import sha256
from io import StringIO
from pathlib import Path

from rich.ansi import AnsiDecoder
from rich.text import Text

from tqdecrypt.cli import main
from tqdecrypt.cli.collect import SeveralCalls
from tqdecrypt.cli.run import read_for
from tqdecrypt.cli.switches import Switches
from tqdecrypt.example import example_path
from tqdecrypt.views import CallLadder, Story, TimelineChart, TimelineRows, session_marks
from tqdecrypt.views.terminal_picture import terminal_picture

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "pictures"
SIZE = 1180, 1010
"""Of the window in which the report is photographed: down to what is to be done first."""
COLUMNS = 100
READ = ("read", "calls.pcap", "-k", "server.key")
CALL = "answered-1.104"
DARK = "7"
"""A session that stays dark."""


class Terminal(StringIO):
    """Standard output that takes colours."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        """Say that a person is looking."""
        return True


def pictures() -> dict[str, str]:
    """Return all pictures by the names of their files."""
    with _example():
        read = _screen(*READ)
        shown = _screen("show", *READ[1:], "--call", CALL, "--diff")
        ladder, timeline = _ladder(), _timeline()
        explained = _screen("explain", *READ[1:], "--session", DARK)
    calls, _findings, sessions, causes = _paragraphs(read[1:])[:4]
    invite = next(p for p in _paragraphs(shown[1:]) if p[0].plain.startswith("INVITE  passed"))
    return {
        "calls.svg": terminal_picture(
            [read[0], *calls],
            title="tqdecrypt read: the calls of a capture",
            description="A table of six calls over TLS: when, from whom to whom, with which result.",
            columns=COLUMNS,
        ),
        "dark.svg": terminal_picture(
            [read[0], *sessions, Text(), *causes],
            title="tqdecrypt read: TLS sessions, and why one of them stays dark",
            description="A table of eight TLS sessions with their verdicts. Below: session 7 uses "
            "ephemeral keys, which setting decides that, and what opens it.",
            columns=COLUMNS,
        ),
        "diff.svg": terminal_picture(
            [shown[0], *invite],
            title="tqdecrypt show --diff: what the proxy changed of an INVITE",
            description="An INVITE before and after the proxy, side by side: a Via and two "
            "Record-Route on top, Max-Forwards one less.",
            columns=COLUMNS,
        ),
        "explain.svg": terminal_picture(
            _shortened(explained),
            title="tqdecrypt explain: why a session stays dark, and what would open it",
            description="The heading of session 7 with its verdict; its ServerHello, which chose an "
            "ephemeral key exchange, and its ServerKeyExchange; which secrets follow from which, none of "
            "them known; and what would open it.",
            columns=COLUMNS,
        ),
        "ladder.svg": ladder,
        "timeline.svg": timeline,
    }


@contextmanager
def _example() -> Iterator[None]:
    """Work in a folder with the example, and as in a terminal that nobody configured."""
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        for name in ("calls.pcap", "server.key"):
            with example_path(name) as path:
                shutil.copy(path, name)
        Path("server.key").chmod(0o600)
        before = dict(os.environ)
        for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
            os.environ.pop(name, None)
        os.environ.update(COLUMNS=str(COLUMNS), TERM="xterm")
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)


def _screen(*arguments: str) -> list[Text]:
    """Return what a command prints, its own line first."""
    with redirect_stdout(Terminal()) as screen:
        status = main(list(arguments))
    if status:
        sys.exit(f"tqdecrypt {' '.join(arguments)} ended with status {int(status)}")
    prompt = Text("$ ", "dim").append(f"tqdecrypt {' '.join(arguments)}", "bold")
    decoder = AnsiDecoder()
    return [prompt, *(decoder.decode_line(line) for line in screen.getvalue().splitlines())]


def _shortened(lines: list[Text]) -> list[Text]:
    """Return of an explained session its heading, the two messages that decide, and the end."""
    prompt, *rest = lines
    starts = [n for n, line in enumerate(rest) if "──" in line.plain]
    heads = {n: rest[n].plain for n in starts}

    def message(name: str) -> list[Text]:
        begin = next(n for n in starts if f" {name} " in heads[n])
        return rest[begin : next(n for n in starts if n > begin)]

    first = starts[0]
    keys = next(n for n, line in enumerate(rest) if line.plain.startswith("From the key exchange"))
    skipped = Text("[…]", "dim")
    return [
        prompt,
        *rest[:first],
        *message("ServerHello"),
        skipped,
        *message("ServerKeyExchange"),
        skipped,
        Text(),
        *rest[keys:],
    ]


def _paragraphs(lines: list[Text]) -> list[list[Text]]:
    """Return what blank lines separate."""
    found: list[list[Text]] = [[]]
    for line in lines:
        if line.plain.strip():
            found[-1].append(line)
        elif found[-1]:
            found.append([])
    return found


def _ladder() -> str:
    sink = SeveralCalls([CALL])
    read_for(_switches(), sink, progress=False)
    found = sink.found()
    marks = session_marks(found.messages, found.reports)
    return CallLadder(Story(found.messages, found.calls, found.reports, marks)).svg()


def _timeline() -> str:
    from tqdecrypt.cli.collect import Tables

    tables = Tables()
    tables.timeline = TimelineRows()
    read_for(_switches(), tables, progress=False)
    timeline = tables.timeline.timeline()
    if timeline is None:
        sys.exit("the example has no calls")
    return TimelineChart(timeline).svg()


def _switches() -> Switches:
    return Switches(captures=["calls.pcap"], keys=["server.key"])


def report() -> str:
    """Return the report on the example, as of a fixed day."""
    with _example():
        with redirect_stderr(StringIO()):
            status = main(["export", "report", *READ[1:], "-o", "report.html"])
        if status:
            sys.exit(f"the report ended with status {int(status)}")
        page = Path("report.html").read_text(encoding="utf-8")
    return re.sub(r"Made on [-0-9]* at [:0-9]* UTC", "Made on 2026-11-24 at 12:00:00 UTC", page)


def photograph(page: str) -> bytes:
    """Return the beginning of a page as a PNG that says which page it is of."""
    sys.path.insert(0, str(ROOT / "tests"))
    from kit.browser import Browser

    with tempfile.TemporaryDirectory() as folder, Browser() as browser:
        path = Path(folder) / "report.html"
        path.write_text(page, encoding="utf-8")
        browser.open(path, *SIZE)
        picture = browser.picture(whole=False)
    end = 8 + 4 + 4 + 13 + 4  # behind the signature and the first chunk, the header
    return picture[:end] + mark(page) + picture[end:]


def mark(page: str) -> bytes:
    """Return the chunk of a PNG that holds the hash of *page* (RFC 2083 section 4.2.3)."""
    content = b"tEXtSource\0" + sha256(page.encode()).hexdigest().encode()
    size, checksum = len(content) - 4, zlib.crc32(content)
    return size.to_bytes(4, "big") + content + checksum.to_bytes(4, "big")


if __name__ == "__main__":
    PICTURES.mkdir(exist_ok=True)
    if shutil.which("chromium"):
        (PICTURES / "report.png").write_bytes(photograph(report()))
        print(PICTURES / "report.png")
    else:
        print("report.png stays as it is: apt-get install chromium", file=sys.stderr)
    for file, picture in pictures().items():
        (PICTURES / file).write_text(f"{picture}\n", encoding="utf-8")
        print(PICTURES / file)
