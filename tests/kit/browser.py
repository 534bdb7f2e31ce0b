"""Chromium without a window: opens a page from disk, and tells what it complained of and asked for.

>>> with Browser() as browser:
...     seen = browser.open(path)
...     assert not seen.complaints and not seen.requests

It is spoken to over a pair of pipes (--remote-debugging-pipe), so that no port is opened.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

__all__ = ["Browser", "Page"]

PROGRAM = "chromium"
SWITCHES = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
PATIENCE = 60
"""Seconds until an answer is given up: a machine may be busy."""


@dataclass
class Page:
    """What a page did while it was loaded."""

    complaints: list[str] = field(default_factory=list)
    """What stands in the console, and what the security policy forbade."""
    requests: list[str] = field(default_factory=list)
    """Everything that was asked for besides the page itself."""


class Browser:
    """A context manager; the process and its folder are gone behind it."""

    def __enter__(self) -> Self:
        self._folder = tempfile.mkdtemp(prefix="tqdecrypt-browser-")
        to_browser, self._out = os.pipe()
        self._in, from_browser = os.pipe()
        # The browser reads from descriptor 3 and writes to 4.
        script = f'exec "$0" "$@" 3<&{to_browser} 4>&{from_browser}'
        command = [PROGRAM, *SWITCHES, f"--user-data-dir={self._folder}", "about:blank"]
        self._process = subprocess.Popen(
            ["bash", "-c", script, *command],
            pass_fds=(to_browser, from_browser),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        self._number = 0
        self._rest = b""
        self._events: list[dict[str, Any]] = []
        self._session = ""
        targets = self._ask("Target.getTargets")["targetInfos"]
        target = next(one["targetId"] for one in targets if one["type"] == "page")
        attached = self._ask("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime"):
            self._ask(f"{domain}.enable")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._session = ""
        with suppress(AssertionError, OSError):
            self._ask("Browser.close")
        os.close(self._out)
        os.close(self._in)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def open(self, path: Path, width: int = 1280, height: int = 900, scheme: str = "light") -> Page:
        """Open a file, in a window of this size, and wait until it is loaded."""
        self._ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self._ask("Emulation.setEmulatedMedia", features=[feature])
        self._events.clear()
        address = path.resolve().as_uri()
        self._ask("Page.navigate", url=address)
        self._wait_for("Page.loadEventFired")
        self.evaluate(
            "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )
        page = Page()
        for event in self._events:
            _note(page, event, address)
        return page

    def evaluate(self, expression: str) -> Any:
        """Return what a piece of JavaScript says about the page."""
        answer = self._ask(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def picture(self, *, whole: bool = True) -> bytes:
        """Return the page as a PNG, or what of it is in the window."""
        made = self._ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        return base64.b64decode(made["data"])

    def pdf(self) -> bytes:
        """Return the page as it prints."""
        made = self._ask("Page.printToPDF", preferCSSPageSize=True, printBackground=True)
        return base64.b64decode(made["data"])

    # The protocol: JSON messages with a zero byte behind each.

    def _ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._out, data) :]
        while True:
            said = self._next()
            if said.get("id") == self._number:
                assert "error" not in said, f"{method}: {said['error']}"
                result: dict[str, Any] = said["result"]
                return result
            self._events.append(said)

    def _wait_for(self, method: str) -> None:
        while not any(event.get("method") == method for event in self._events):
            self._events.append(self._next())

    def _next(self) -> dict[str, Any]:
        until = time.monotonic() + PATIENCE
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._in], [], [], max(until - time.monotonic(), 0))
            assert ready, f"the browser says nothing for {PATIENCE} s"
            piece = os.read(self._in, 1 << 16)
            assert piece, "the browser went away"
            self._rest += piece
        line, _, self._rest = self._rest.partition(b"\0")
        said: dict[str, Any] = json.loads(line)
        return said


def _note(page: Page, event: dict[str, Any], address: str) -> None:
    method, parameters = event.get("method"), event.get("params", {})
    if method == "Log.entryAdded":
        page.complaints.append(parameters["entry"]["text"])
    elif method == "Runtime.consoleAPICalled":
        page.complaints.append(json.dumps(parameters["args"]))
    elif method == "Runtime.exceptionThrown":
        page.complaints.append(parameters["exceptionDetails"]["text"])
    elif method == "Network.requestWillBeSent" and parameters["request"]["url"] != address:
        page.requests.append(parameters["request"]["url"])
