"""The key schedule of TLS 1.3 as a tree, with its labels (RFC 8446 section 7.1)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from tqdecrypt.errors import Malformed
from tqdecrypt.explain.model import Derived, Part, Shown
from tqdecrypt.explain.reading import Round
from tqdecrypt.explain.resumption import earlier_session
from tqdecrypt.keys import KeyRing
from tqdecrypt.tls.constants import ExtensionType
from tqdecrypt.tls.derive import hkdf_expand_label
from tqdecrypt.tls.handshake_details import pull_key_share_groups
from tqdecrypt.tls.recording import Recording
from tqdecrypt.tls.registries import group_name

__all__ = ["derive13"]

_HANDSHAKE = "ClientHello…ServerHello"
_APPLICATION = "ClientHello…server Finished"
_TRAFFIC = (
    # name, label, messages, key-log label
    (
        "client_handshake_traffic_secret",
        "c hs traffic",
        _HANDSHAKE,
        "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
    ),
    (
        "server_handshake_traffic_secret",
        "s hs traffic",
        _HANDSHAKE,
        "SERVER_HANDSHAKE_TRAFFIC_SECRET",
    ),
    (
        "client_application_traffic_secret_0",
        "c ap traffic",
        _APPLICATION,
        "CLIENT_TRAFFIC_SECRET_0",
    ),
    (
        "server_application_traffic_secret_0",
        "s ap traffic",
        _APPLICATION,
        "SERVER_TRAFFIC_SECRET_0",
    ),
)


def derive13(recording: Recording, one: Round, ring: KeyRing, shown: Shown) -> Iterator[Derived]:
    """Yield the secrets of a TLS 1.3 handshake, each below what it is made of."""
    teller = _Tree(one, ring, shown)
    yield teller.pre_shared(recording)
    yield teller.early()
    if one.client_hello and ExtensionType.early_data in one.client_hello.extensions:
        yield teller.traffic(
            "client_early_traffic_secret",
            "c e traffic",
            "ClientHello",
            "CLIENT_EARLY_TRAFFIC_SECRET",
        )
    yield teller.shared()
    yield teller.inner(
        "Handshake Secret", 'HKDF-Extract(Derive-Secret(Early Secret, "derived", ""), (EC)DHE)', 0
    )
    for name, label, messages, logged in _TRAFFIC[:2]:
        yield teller.traffic(name, label, messages, logged)
    yield teller.inner(
        "Master Secret", 'HKDF-Extract(Derive-Secret(Handshake Secret, "derived", ""), 0)', 0
    )
    for name, label, messages, logged in _TRAFFIC[2:]:
        yield teller.traffic(name, label, messages, logged)
    exporter = teller.logged("EXPORTER_SECRET")
    if exporter is not None:
        yield Derived(
            "exporter_master_secret",
            len(exporter),
            f'Derive-Secret(Master Secret, "exp master", {_APPLICATION})',
            True,
            shown(exporter),
            "From the key log; opens no record of this session.",
            depth=1,
        )


class _Tree:
    """Tells the branches of one schedule."""

    def __init__(self, one: Round, ring: KeyRing, shown: Shown) -> None:
        assert one.exchange is not None
        assert one.exchange.suite is not None
        self._one = one
        self._exchange = one.exchange
        self._suite = one.exchange.suite
        self._ring = ring
        self._shown = shown
        self._digest = self._suite.prf_hash
        self._size = hashlib.new(self._digest, usedforsecurity=False).digest_size

    def logged(self, label: str) -> bytes | None:
        """Return a secret of the key log that decryption does without."""
        hello = self._one.client_hello
        if hello is None or not len(self._ring.keylog):
            return None
        return self._ring.keylog.secrets_of(hello.random).get(label)

    def pre_shared(self, recording: Recording) -> Derived:
        """Tell the root: a pre-shared key, or zeros."""
        exchange = self._exchange
        if exchange.resumed_by != "psk":
            return Derived(
                "pre-shared key", self._size, "none: zeros stand for it", True, public=True
            )
        if exchange.external_psk:
            note = "One that was given: the binder in the ClientHello proves it."
            return Derived("pre-shared key", None, "agreed on beforehand", True, note=note)
        whose = earlier_session(recording, self._one) or "an earlier session"
        how = f'HKDF-Expand-Label(resumption_master_secret of {whose}, "resumption", ticket_nonce)'
        return Derived(
            "pre-shared key",
            self._size,
            how,
            False,
            note="Only the two ends have it, and a key log does not say it.",
        )

    def early(self) -> Derived:
        """Tell the Early Secret, which without a pre-shared key is the same for everybody."""
        how = "HKDF-Extract(0, pre-shared key)"
        if self._exchange.resumed_by == "psk":
            return self.inner("Early Secret", how, 0)
        note = "No secret without a pre-shared key: it is the same in all such sessions."
        return Derived("Early Secret", self._size, how, True, note=note, public=True)

    def inner(self, name: str, how: str, depth: int) -> Derived:
        """Tell a secret that protects nothing itself; key logs do not have it."""
        known = self._reckoned
        note = (
            "Reckoned here." if known else "Known to the two ends only, and not needed: see below."
        )
        if not known and not self._exchange.traffic_secrets:
            note = "Known to the two ends only."
        return Derived(name, self._size, how, known, note=note, depth=depth)

    @property
    def _reckoned(self) -> bool:
        """Whether the schedule was run here, from a static key or a pre-shared key."""
        origin = self._exchange.secrets_from or ""
        return bool(self._exchange.traffic_secrets) and not origin.startswith(
            ("key log", "secrets")
        )

    def shared(self) -> Derived:
        """Tell the Diffie-Hellman secret."""
        answer = self._one.server_hello
        assert answer is not None
        data = answer.extensions.get(ExtensionType.key_share)
        if data is None:
            return Derived(
                "(EC)DHE", self._size, "none (psk_ke): zeros stand for it", True, public=True
            )
        try:
            group = group_name(pull_key_share_groups(data, of_client=False)[0])
        except Malformed:
            group = "an unreadable group"
        how = f"{group}: one end's private and the other's public key share"
        if self._reckoned:
            return Derived("(EC)DHE", None, how, True, note=f"With {self._exchange.secrets_from}.")
        return Derived(
            "(EC)DHE",
            None,
            how,
            False,
            note="Not known: both private halves were in the two ends' memory only, and are gone.",
        )

    def traffic(self, name: str, label: str, messages: str, logged: str) -> Derived:
        """Tell a traffic secret, and the key and IV that are made of it."""
        parent = {"e": "Early", "h": "Handshake", "a": "Master"}[label[2]]
        how = f'Derive-Secret({parent} Secret, "{label}", {messages})'
        secret = self._exchange.traffic_secrets.get(logged)
        key_length = self._suite.bulk.key_length if self._suite.bulk is not None else 0
        lengths = [("key", key_length), ("iv", 12)]
        if "handshake" in name:
            lengths.append(("finished", self._size))
        parts = tuple(
            Part(f'"{kind}"', None, length, self._expand(secret, kind, length))
            for kind, length in lengths
            if length
        )
        if secret is not None:
            note = f"{logged} from {self._exchange.secrets_from}."
        else:
            note = f"Not known; in a key log it is called {logged}."
        return Derived(
            name,
            self._size,
            how,
            secret is not None,
            self._shown(secret) if secret is not None else "",
            note,
            parts,
            depth=1,
        )

    def _expand(self, secret: bytes | None, kind: str, length: int) -> str:
        if secret is None:
            return ""
        return self._shown(hkdf_expand_label(self._digest, secret, kind.encode(), b"", length))
