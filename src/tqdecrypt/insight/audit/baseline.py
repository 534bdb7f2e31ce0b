"""What has changed since an earlier audit: the JSON of one is the baseline of the next.

A share that drops, a suite that nobody chose before, a certificate that is new: each tells of a change of
configuration on one side before the outage in which somebody needs the calls in clear.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tqdecrypt.errors import InputError

__all__ = ["FORMAT", "Change", "Weight", "changes", "read_baseline"]

FORMAT = "tqdecrypt audit 1"
DROP = 0.02
"""A share that is smaller by this much has dropped; less may be chance."""
LARGEST = 256 << 20
"""Bytes of a baseline that are read at most."""

_NEW = {
    "versions": "TLS version",
    "suites": "cipher suite",
    "key_exchanges": "key exchange",
    "server_certificates": "server certificate",
    "client_certificates": "client certificate",
    "mutual_tls": "mutual TLS",
    "extended_master_secret": "extended master secret",
    "encrypt_then_mac": "encrypt-then-MAC",
    "alerts": "alert",
}


class Weight(enum.StrEnum):
    """How much a change matters."""

    ALARM = "alarm"
    """Less can be decrypted than before, or will be."""
    NOTICE = "notice"


@dataclass(frozen=True, slots=True)
class Change:
    """Something that is not as it was."""

    peer: str
    what: str
    """In a few words: ``share of sessions``, ``new cipher suite``."""
    before: str
    now: str
    weight: Weight

    def as_dict(self) -> dict[str, str]:
        """Return it for JSON."""
        return {
            "peer": self.peer,
            "what": self.what,
            "before": self.before,
            "now": self.now,
            "weight": self.weight.value,
        }


def read_baseline(path: str) -> dict[str, Any]:
    """Return an earlier audit.  Raises :class:`InputError` when the file is none."""
    try:
        with open(path, "rb") as file:
            text = file.read(LARGEST + 1)
    except OSError as error:
        raise InputError(
            f"The baseline {path} cannot be read ({error.strerror}); write one with audit --json."
        ) from None
    try:
        data = json.loads(text) if len(text) <= LARGEST else None
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict) or data.get("format") != FORMAT or not _is_whole(data):
        raise InputError(f"{path} is no baseline; write one with: audit --json CAPTURE > {path}")
    return data


def _is_whole(data: Mapping[str, Any]) -> bool:
    peers = data.get("peers")
    return isinstance(peers, list) and all(
        isinstance(peer, dict)
        and isinstance(peer.get("name"), str)
        and isinstance(peer.get("decryptability"), dict)
        and isinstance(peer.get("properties"), dict)
        and all(isinstance(tally, dict) for tally in peer["properties"].values())
        for peer in peers
    )


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[Change]:
    """Return what differs between two audits (as JSON has them), alarms first."""
    earlier = {peer["name"]: peer for peer in before["peers"]}
    later = {peer["name"]: peer for peer in now["peers"]}
    found = []
    for name, peer in later.items():
        if name in earlier:
            found += [*_shares(name, earlier[name], peer), *_new_values(name, earlier[name], peer)]
        else:
            sessions = peer["decryptability"].get("sessions", 0)
            found.append(Change(name, "new peer", "", f"{sessions:,} sessions", Weight.NOTICE))
    for name, peer in earlier.items():
        if name not in later:
            sessions = peer["decryptability"].get("sessions", 0)
            found.append(Change(name, "peer is gone", f"{sessions:,} sessions", "", Weight.NOTICE))
    return sorted(found, key=lambda change: change.weight is not Weight.ALARM)


def _shares(name: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Change]:
    for key, words in (
        ("session_share", "share of sessions decrypted"),
        ("byte_share", "share of bytes decrypted"),
        ("call_share", "share of calls decrypted"),
    ):
        old, new = before["decryptability"].get(key), now["decryptability"].get(key)
        if not isinstance(old, int | float) or not isinstance(new, int | float):
            continue
        if abs(old - new) >= DROP:
            weight = Weight.ALARM if new < old else Weight.NOTICE
            yield Change(name, words, f"{old:.0%}", f"{new:.0%}", weight)


def _new_values(name: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Change]:
    old_properties, new_properties = before["properties"], now["properties"]
    for key, words in _NEW.items():
        old, new = old_properties.get(key, {}), new_properties.get(key, {})
        for value in new:
            if value not in old and value != "unknown" and (old or key == "alerts"):
                known = ", ".join(_shown(one) for one in list(old)[:3]) or "none"
                yield Change(name, f"new {words}", known, _shown(value), _weight(key, value))
    old, new = old_properties.get("offers_of_rsa", {}), new_properties.get("offers_of_rsa", {})
    if old.get("yes") and new and not new.get("yes"):
        yield Change(
            name, "RSA key exchange is no longer offered", "offered", "not offered", Weight.ALARM
        )


def _weight(key: str, value: str) -> Weight:
    darker = (
        (key == "versions" and value == "TLS 1.3")
        or (key == "key_exchanges" and value in ("ECDHE", "DHE"))
        or key == "alerts"
    )
    return Weight.ALARM if darker else Weight.NOTICE


def _shown(value: str) -> str:
    """Return a value as people read it: fingerprints are cut."""
    is_fingerprint = len(value) == 64 and not value.strip("0123456789abcdef")
    return f"{value[:16]}…" if is_fingerprint else value
