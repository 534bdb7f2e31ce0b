"""What share of sessions, bytes and calls can be decrypted, and what keeps the rest dark."""

from __future__ import annotations

from tqdecrypt.insight.audit.tally import Tally
from tqdecrypt.tls.report import SessionReport
from tqdecrypt.tls.verdict import MEANINGS, Verdict

__all__ = ["Decryptability"]

NOTHING_TO_DECRYPT = frozenset({Verdict.HANDSHAKE_FAILED, Verdict.NO_DATA, Verdict.NOT_TLS})
"""Sessions without application data: they count for no share."""


class Decryptability:
    """Sums of sessions, bytes and calls.

    A session counts as clear when all of it that was captured is, and as dark when any of it is not.  Its
    bytes count each as what they are.
    """

    __slots__ = (
        "calls",
        "calls_from_client",
        "calls_from_server",
        "causes",
        "clear_bytes",
        "clear_sessions",
        "dark_bytes",
        "dark_calls",
        "dark_sessions",
        "empty_sessions",
        "failed_sessions",
        "messages",
        "missing_bytes",
    )

    def __init__(self) -> None:
        self.clear_sessions = 0
        self.dark_sessions = 0
        self.empty_sessions = 0
        """Whole handshakes without any data behind them."""
        self.failed_sessions = 0
        """Handshakes that were refused."""
        self.clear_bytes = 0
        """Of application data."""
        self.dark_bytes = 0
        self.missing_bytes = 0
        """That the capture lacks."""
        self.messages = 0
        """SIP messages that were read."""
        self.calls = 0
        """Calls that sessions carried in clear; one leg each."""
        self.calls_from_client = 0
        """Those of them whose INVITE the TLS client sent."""
        self.calls_from_server = 0
        self.dark_calls = 0
        """Legs that are inferred in sessions that stayed dark."""
        self.causes = Tally()
        """Of darkness: verdicts."""

    def add_session(self, report: SessionReport) -> None:
        """Count a session."""
        self.clear_bytes += report.client_bytes + report.server_bytes
        self.dark_bytes += report.client_encrypted_bytes + report.server_encrypted_bytes
        self.missing_bytes += report.missing_bytes
        self.messages += report.messages
        verdict = report.verdict
        if verdict is Verdict.HANDSHAKE_FAILED:
            self.failed_sessions += 1
        elif verdict in NOTHING_TO_DECRYPT:
            self.empty_sessions += 1
        elif MEANINGS[verdict].clear:
            self.clear_sessions += 1
        else:
            self.dark_sessions += 1
            self.causes.add(verdict.value)

    def add_call(self, *, from_client: bool | None) -> None:
        """Count a call that a clear session carried.

        :param from_client: whether its INVITE came from the TLS client; ``None`` when that is not known.
        """
        self.calls += 1
        if from_client is not None:
            self.calls_from_client += from_client
            self.calls_from_server += not from_client

    def merge(self, other: Decryptability) -> None:
        """Add what *other* counted."""
        self.causes.merge(other.causes)
        for name in self.__slots__:
            if name != "causes":
                setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def sessions(self) -> int:
        """All of them."""
        with_data = self.clear_sessions + self.dark_sessions
        return with_data + self.empty_sessions + self.failed_sessions

    @property
    def session_share(self) -> float | None:
        """Share of the sessions with data that are clear, 0 to 1; ``None`` without any."""
        return _share(self.clear_sessions, self.dark_sessions)

    @property
    def byte_share(self) -> float | None:
        """Share of the bytes of application data that are clear."""
        return _share(self.clear_bytes, self.dark_bytes)

    @property
    def call_share(self) -> float | None:
        """Share of the calls seen or inferred that are clear; what is hidden whole counts for nothing."""
        return _share(self.calls, self.dark_calls)

    def as_dict(self) -> dict[str, object]:
        """Return everything by name, for JSON."""
        found: dict[str, object] = {"sessions": self.sessions}
        found |= {name: getattr(self, name) for name in self.__slots__ if name != "causes"}
        return found | {
            "session_share": self.session_share,
            "byte_share": self.byte_share,
            "call_share": self.call_share,
            "causes": self.causes.as_dict(),
        }


def _share(clear: int, dark: int) -> float | None:
    return clear / (clear + dark) if clear + dark else None
