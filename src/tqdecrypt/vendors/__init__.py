"""What to set on which device: data files, one a vendor, each statement with its source.

A statement says whether it is confirmed: found in the document that it names, or tried on the real product.
What is not is shown as such.  ``docs/reference/devices.md`` is made from these files.
"""

from __future__ import annotations

import enum
import functools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from tqdecrypt.errors import UsageError

__all__ = [
    "Role",
    "Statement",
    "Topic",
    "Vendor",
    "fill",
    "find_vendor",
    "load_vendor",
    "recognise",
    "vendor_names",
]


class Topic(enum.Enum):
    """What a statement is about, in the order of telling; the value stands in the files."""

    RSA_KEY_EXCHANGE = "rsa-key-exchange"
    TLS13_OFF = "tls13-off"
    RESUMPTION = "resumption"
    MUTUAL_TLS = "mutual-tls"
    CLIENT_ROLE = "client-role"
    SESSION_SECRETS = "session-secrets"
    PLAINTEXT = "plaintext"
    SHOW = "show"
    GIVEN_UP = "given-up"

    @property
    def title(self) -> str:
        """A heading."""
        return _TITLES[self]


_TITLES = {
    Topic.RSA_KEY_EXCHANGE: "RSA key exchange",
    Topic.TLS13_OFF: "TLS 1.3 off",
    Topic.RESUMPTION: "Tickets and resumption",
    Topic.MUTUAL_TLS: "Mutual TLS",
    Topic.CLIENT_ROLE: "Where it is the TLS client",
    Topic.SESSION_SECRETS: "Session secrets",
    Topic.PLAINTEXT: "Clear SIP (HEP and the like)",
    Topic.SHOW: "What is set now",
    Topic.GIVEN_UP: "What is given up",
}


class Role(enum.Enum):
    """In which role the device is when the statement holds."""

    SERVER = "server"
    CLIENT = "client"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Statement:
    """One piece of advice."""

    topic: Topic
    role: Role
    says: str
    """A sentence or two."""
    source: str
    """Document and section, or the test that proves it."""
    confirmed: bool
    """Whether it was found there, or tried."""
    versions: str
    """Versions of the product that it is about."""
    settings: str = ""
    """Lines as they are entered, with ``<placeholders>``; empty when there is nothing to enter."""


@dataclass(frozen=True, slots=True)
class Vendor:
    """One product."""

    name: str
    """The file's name, and what users type: ``kamailio``."""
    title: str
    spelling: str
    """How it writes cipher lists; see :func:`tqdecrypt.tls.cipher_lists.written`."""
    patterns: tuple[re.Pattern[str], ...]
    """What its User-Agent or Server header field begins with."""
    statements: tuple[Statement, ...]
    aliases: tuple[str, ...] = ()

    def about(self, topic: Topic) -> tuple[Statement, ...]:
        """Return the statements on one topic."""
        return tuple(one for one in self.statements if one.topic is topic)


@functools.cache
def vendor_names() -> tuple[str, ...]:
    """Return the names of all vendors, sorted."""
    files = resources.files(__name__).iterdir()
    return tuple(sorted(f.name.removesuffix(".toml") for f in files if f.name.endswith(".toml")))


@functools.cache
def load_vendor(name: str) -> Vendor:
    """Return the vendor *name*, one of :func:`vendor_names`."""
    text = (resources.files(__name__) / f"{name}.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    return Vendor(
        name,
        data["title"],
        data["spelling"],
        tuple(re.compile(pattern, re.IGNORECASE) for pattern in data["recognise"]),
        tuple(_statement(one, data["versions"]) for one in data["statement"]),
        tuple(data.get("aliases", ())),
    )


def find_vendor(text: str) -> Vendor:
    """Return the vendor that a user means: by name, alias, or the beginning of one.

    :raises UsageError: when there is none, or several.
    """
    wanted = _plain(text)
    found: dict[str, Vendor] = {}
    for name in vendor_names():
        vendor = load_vendor(name)
        known = {_plain(one) for one in (name, vendor.title, *vendor.aliases)}
        if wanted in known:
            return vendor
        if wanted and any(one.startswith(wanted) for one in known):
            found[name] = vendor
    if len(found) == 1:
        return next(iter(found.values()))
    names = ", ".join(found or vendor_names())
    if found:
        raise UsageError(f"{text!r} may be several: {names}; say which.")
    raise UsageError(f"there is no advice for {text!r}; there is for: {names}.")


@functools.lru_cache(maxsize=1024)
def recognise(product: str) -> str | None:
    """Return the vendor's name for the text of a User-Agent or Server header field."""
    for name in vendor_names():
        if any(pattern.match(product) for pattern in load_vendor(name).patterns):
            return name
    return None


_PLACEHOLDER = re.compile(r"<([a-z][a-z0-9-]*)>")


def fill(settings: str, values: Mapping[str, str]) -> str:
    """Return *settings* with its placeholders filled; those without a value stay.

    >>> fill("cipher=<cipher-list>", {"cipher-list": "AES128-SHA"})
    'cipher=AES128-SHA'
    """
    return _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), settings)


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


def _statement(data: dict[str, Any], versions: str) -> Statement:
    return Statement(
        Topic(data["topic"]),
        Role(data.get("role", "both")),
        data["says"],
        data["source"],
        data["confirmed"],
        data.get("versions", versions),
        data.get("settings", "").strip("\n"),
    )
