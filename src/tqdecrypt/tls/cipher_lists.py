"""Cipher lists as people write them: OpenSSL's language, IANA names, vendors' spellings.

A list of nothing but names is read here, whatever this machine's OpenSSL has.  Anything else
(``HIGH:!aNULL``, ``kRSA+AESGCM``) is OpenSSL's own language, and OpenSSL expands it; what its build on
this machine leaves out is said, because the device's build may have it.
"""

from __future__ import annotations

import functools
import re
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tqdecrypt.errors import UsageError
from tqdecrypt.tls.suite_names import SUITE_NAMES
from tqdecrypt.tls.suites import Protection, Suite, find_suite

__all__ = ["CipherList", "Spelling", "parse_cipher_list", "suite_named", "written"]

Spelling = str
"""``openssl``, ``iana``, or one of the vendors' in :func:`written`."""

_SEPARATORS = re.compile(r"[:,;\s]+")
_LEVEL = re.compile(r"@SECLEVEL=(\d)$", re.IGNORECASE)
_LEAST_BITS = (0, 80, 112, 128, 192, 256)
"""Strength by security level (OpenSSL, SSL_CTX_set_security_level)."""


@dataclass(frozen=True, slots=True)
class CipherList:
    """What a list comes to."""

    text: str
    """As it was written."""
    suites: tuple[int, ...]
    """Up to TLS 1.2, in order."""
    tls13_suites: tuple[int, ...] = ()
    """Suites of TLS 1.3 that the list names; empty: it says nothing of them."""
    security_level: int | None = None
    """``@SECLEVEL`` of the list; ``None``: the device's own."""
    notes: tuple[str, ...] = field(default=())
    """One sentence each: what was left out, and why."""


def parse_cipher_list(text: str) -> CipherList:
    """Return what *text* comes to.

    :raises UsageError: when nothing in it is known.
    """
    terms = [term for term in _SEPARATORS.split(text.strip().strip("'\"")) if term]
    level = None
    for term in terms:
        match = _LEVEL.match(term)
        if match:
            level = int(match[1])
    terms = [term for term in terms if not _LEVEL.match(term)]
    if not terms and level is not None:
        terms = ["DEFAULT"]
    notes: list[str] = []
    numbers = [suite_named(term) for term in terms]
    named = [number for number in numbers if number is not None]
    if len(named) < len(terms):
        named = _expand(terms, numbers, notes)
    if not named:
        raise UsageError(
            f"{text!r} names no cipher suite: write OpenSSL's or IANA's names, such as "
            "AES256-GCM-SHA384 or TLS_RSA_WITH_AES_256_GCM_SHA384."
        )
    known = [find_suite(number) for number in dict.fromkeys(named)]
    allowed = _allowed(known, level, notes)
    return CipherList(
        text,
        tuple(suite.number for suite in allowed if not suite.tls13),
        tuple(suite.number for suite in allowed if suite.tls13),
        level,
        tuple(notes),
    )


def suite_named(name: str) -> int | None:
    """Return the number of a suite by any of its names.

    OpenSSL's name counts first: its ``AES128-GCM-SHA256`` has RSA key exchange, and a vendor's
    ``AES128_GCM_SHA256`` is TLS 1.3's.
    """
    number = _numbers_by_openssl_name().get(name)
    if number is None and (found := re.fullmatch(r"0x([0-9A-Fa-f]{4})", name)):
        number = int(found[1], 16)
    return _numbers_by_words().get(_words(name)) if number is None else number


def written(numbers: Iterable[int], spelling: Spelling) -> str:
    """Return suites as a device wants them listed.

    :param spelling: ``openssl`` (colons between OpenSSL's names), ``asterisk`` (commas between them),
        ``iana`` (commas between IANA's names), ``cisco`` or ``ribbon``.
    """
    spell, separator = _SPELLINGS[spelling]
    return separator.join(spell(number) for number in numbers)


def _expand(terms: list[str], numbers: list[int | None], notes: list[str]) -> list[int]:
    """Let OpenSSL expand its language; say what it does not have here."""
    here = _openssl_names()
    language: list[str] = []
    lacking: list[str] = []
    unknown: list[str] = []
    for term, number in zip(terms, numbers, strict=True):
        if number is None:
            sort = term if term.startswith("@") else term.lstrip("!-+")
            if not term.startswith(("!", "-", "@")) and not _openssl_expand(sort):
                known = all(part.upper() in _KINDS for part in sort.split("+"))
                (lacking if known else unknown).append(term)
                if not known:
                    continue
            language.append(term)
        elif find_suite(number).tls13:
            continue  # OpenSSL has another list for these
        elif number in here:
            language.append(here[number])
        else:
            lacking.append(term)
    if unknown:
        notes.append(f"Not known to OpenSSL, IANA or here, and left out: {', '.join(unknown)}.")
    found = _openssl_expand(":".join(language)) if language else []
    wanted = [term for term in language if not term.startswith(("!", "-", "@"))]
    elsewhere = [
        number
        for number in _numbers_by_openssl_name().values()
        if number not in here
        and find_suite(number).cipher in _ABANDONED
        and _by_certificate(find_suite(number))
        and any(_is_of(find_suite(number), term.lstrip("+")) for term in wanted)
        and not any(_is_of(find_suite(number), term[1:]) for term in language if term[0] in "!-")
    ]
    if elsewhere:
        notes.append(
            "Left out, because the OpenSSL of this machine has them not, though the device's may: "
            f"{_some([find_suite(number) for number in elsewhere])}; to reckon with one, list every "
            "suite by its name."
        )
    lacking = [term for term in lacking if term not in wanted]
    if lacking:
        notes.append(
            f"Left out, because the OpenSSL of this machine has them not: {', '.join(lacking)}; to reckon "
            "with them, list every suite by its name."
        )
    return [n for n in numbers if n is not None and find_suite(n).tls13] + found


def _allowed(suites: list[Suite], level: int | None, notes: list[str]) -> list[Suite]:
    """Take out what a security level forbids (OpenSSL 3: ssl_security_default_callback)."""
    if level is not None:
        forbidden = {suite for suite in suites if _forbidden(suite, level)}
        told = [suite for suite in suites if suite in forbidden and _by_certificate(suite)]
        if told:
            notes.append(f"@SECLEVEL={level} forbids {_some(told)}.")
        return [suite for suite in suites if suite not in forbidden]
    weak = [suite for suite in suites if _by_certificate(suite) and _forbidden(suite, 2)]
    if weak:
        notes.append(
            "Reckoned without a security level; at level 2, which Debian and Ubuntu set, OpenSSL does not "
            f"use {_some(weak)}, unless the list has @SECLEVEL=0."
        )
    return suites


def _forbidden(suite: Suite, level: int) -> bool:
    if level <= 0 or suite.tls13:
        return False
    if _strength(suite) < _LEAST_BITS[min(level, 5)]:
        return True
    if suite.authentication == "anon" or suite.mac == "md5":
        return True
    if level >= 4 and suite.mac == "sha1":
        return True
    return level >= 3 and "DHE" not in suite.key_exchange


def _some(suites: list[Suite], most: int = 8) -> str:
    names = ", ".join(_openssl_name(suite.number) for suite in suites[:most])
    return f"{names} and {len(suites) - most} more" if len(suites) > most else names


def _by_certificate(suite: Suite) -> bool:
    """Return whether a server uses it with a certificate: the others concern no trunk."""
    return suite.authentication in ("RSA", "ECDSA")


def _strength(suite: Suite) -> int:
    """Return the strength in bits, as OpenSSL counts it."""
    if "EXPORT" in suite.name or suite.cipher.endswith("_40"):
        return 40
    if suite.cipher == "3DES_EDE_CBC":
        return 112
    if suite.bulk is None:
        return 128
    return 56 if suite.cipher == "DES_CBC" else suite.bulk.key_length * 8


# OpenSSL's side.


@functools.cache
def _openssl_names() -> dict[int, str]:
    """Return the names that this machine's OpenSSL has, by number, without those of TLS 1.3."""
    return dict(_listed("ALL:COMPLEMENTOFALL"))


@functools.lru_cache(maxsize=256)
def _openssl_expand(text: str) -> list[int]:
    """Return what OpenSSL makes of a cipher list; empty when it has nothing for it."""
    return [number for number, _ in _listed(text)]


def _listed(text: str) -> list[tuple[int, str]]:
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            context.set_ciphers(f"{text}:@SECLEVEL=0")
        except ssl.SSLError:
            return []
    named = [(cipher["id"] & 0xFFFF, cipher["name"]) for cipher in context.get_ciphers()]
    return [(number, name) for number, name in named if not find_suite(number).tls13]


_EXCHANGES = {
    "RSA": "",
    "DHE_RSA": "DHE-RSA-",
    "DHE_DSS": "DHE-DSS-",
    "ECDHE_RSA": "ECDHE-RSA-",
    "ECDHE_ECDSA": "ECDHE-ECDSA-",
    "DH_anon": "ADH-",
    "ECDH_anon": "AECDH-",
}
"""Without the pre-shared ones, whose names follow no rule: those this machine has are known by name."""
_CIPHER_NAMES = {
    "3DES_EDE_CBC": "DES-CBC3",
    "DES_CBC": "DES-CBC",
    "RC4_128": "RC4",
    "IDEA_CBC": "IDEA-CBC",
    "SEED_CBC": "SEED",
    "CHACHA20_POLY1305": "CHACHA20-POLY1305",
}


@functools.cache
def _openssl_name(number: int) -> str:
    """Return OpenSSL's name of a suite, also of one that this machine's OpenSSL has not."""
    known = _openssl_names().get(number)
    if known is not None:
        return known
    suite = find_suite(number)
    exchange, _, rest = suite.name.removeprefix("TLS_").partition("_WITH_")
    if exchange not in _EXCHANGES or suite.cipher == "unknown" or not rest:
        return suite.name
    cipher = _CIPHER_NAMES.get(suite.cipher)
    if cipher is None:
        # AES_128_CBC -> AES128, AES_128_GCM -> AES128-GCM, AES_128_CCM_8 -> AES128-CCM8
        cipher = re.sub(r"^([A-Z]+)_(\d+)", r"\1\2", suite.cipher).replace("_CBC", "")
        cipher = cipher.replace("CCM_8", "CCM8").replace("_", "-")
    if suite.cipher.startswith("ARIA") and exchange == "ECDHE_RSA":
        exchange = "ECDHE"
    prefix = "ECDHE-" if exchange == "ECDHE" else _EXCHANGES[exchange]
    without_hash = "CCM" in cipher or "CHACHA20" in cipher
    return f"{prefix}{cipher}" + ("" if without_hash else f"-{rest.rpartition('_')[2]}")


@functools.cache
def _numbers_by_openssl_name() -> dict[str, int]:
    numbers = {_openssl_name(number): number for number in sorted(SUITE_NAMES)}
    return {name: number for name, number in numbers.items() if not name.startswith("TLS_")}


def _words(name: str) -> tuple[str, ...]:
    """Return a name taken to pieces, so that spellings do not matter.

    >>> _words("rsa-with-aes-128-cbc-sha") == _words("TLS_RSA_WITH_AES_128_CBC_SHA")
    True
    """
    parts = re.findall(r"3DES|RC4|CHACHA20|POLY1305|SHA\d*|CCM8|[A-Z]+|\d+", name.upper())
    words: list[str] = []
    for part in parts:
        if part in ("TLS", "SSL", "WITH"):
            continue
        words.extend(("CCM", "8") if part == "CCM8" else (part,))
    return tuple(words)


@functools.cache
def _numbers_by_words() -> dict[tuple[str, ...], int]:
    known = {}
    # Where a draft had another number, IANA's wins.
    for number in sorted(SUITE_NAMES, reverse=True):
        known[_words(SUITE_NAMES[number])] = number
    return known


# The kinds of suites that OpenSSL's language names, for what its build here may lack.

_MEDIUM = frozenset({"RC4_128", "SEED_CBC", "IDEA_CBC", "3DES_EDE_CBC"})
_ABANDONED = _MEDIUM | {"CAMELLIA_128_CBC", "CAMELLIA_256_CBC", "ARIA_128_GCM", "ARIA_256_GCM"}
"""What builds of OpenSSL leave out, or older ones had."""

_KINDS: dict[str, Callable[[Suite], bool]] = {
    "KRSA": lambda suite: suite.rsa_key_exchange,
    "RSA": lambda suite: suite.rsa_key_exchange,
    "ARSA": lambda suite: suite.authentication == "RSA",
    "KEECDH": lambda suite: suite.key_exchange == "ECDHE",
    "KECDHE": lambda suite: suite.key_exchange == "ECDHE",
    "EECDH": lambda suite: suite.key_exchange == "ECDHE",
    "ECDHE": lambda suite: suite.key_exchange == "ECDHE",
    "KEDH": lambda suite: suite.key_exchange == "DHE",
    "KDHE": lambda suite: suite.key_exchange == "DHE",
    "EDH": lambda suite: suite.key_exchange == "DHE",
    "DHE": lambda suite: suite.key_exchange == "DHE",
    "AECDSA": lambda suite: suite.authentication == "ECDSA",
    "ECDSA": lambda suite: suite.authentication == "ECDSA",
    "ADSS": lambda suite: suite.authentication == "DSS",
    "ANULL": lambda suite: suite.authentication == "anon",
    "ADH": lambda suite: suite.key_exchange == "DH_anon",
    "AECDH": lambda suite: suite.key_exchange == "ECDH_anon",
    "ENULL": lambda suite: suite.cipher == "NULL",
    "NULL": lambda suite: suite.cipher == "NULL",
    "AES": lambda suite: suite.cipher.startswith("AES"),
    "AES128": lambda suite: suite.cipher.startswith("AES_128"),
    "AES256": lambda suite: suite.cipher.startswith("AES_256"),
    "AESGCM": lambda suite: "AES" in suite.cipher and suite.cipher.endswith("GCM"),
    "AESCCM": lambda suite: "AES" in suite.cipher and "CCM" in suite.cipher,
    "AESCCM8": lambda suite: suite.cipher.endswith("CCM_8"),
    "CAMELLIA": lambda suite: suite.cipher.startswith("CAMELLIA"),
    "CAMELLIA128": lambda suite: suite.cipher.startswith("CAMELLIA_128"),
    "CAMELLIA256": lambda suite: suite.cipher.startswith("CAMELLIA_256"),
    "ARIA": lambda suite: suite.cipher.startswith("ARIA"),
    "ARIAGCM": lambda suite: suite.cipher.startswith("ARIA"),
    "CHACHA20": lambda suite: suite.cipher.startswith("CHACHA20"),
    "3DES": lambda suite: suite.cipher == "3DES_EDE_CBC",
    "DES": lambda suite: suite.cipher == "DES_CBC",
    "RC4": lambda suite: suite.cipher == "RC4_128",
    "SEED": lambda suite: suite.cipher == "SEED_CBC",
    "IDEA": lambda suite: suite.cipher == "IDEA_CBC",
    "MD5": lambda suite: suite.mac == "md5",
    "SHA": lambda suite: suite.mac == "sha1",
    "SHA1": lambda suite: suite.mac == "sha1",
    "SHA256": lambda suite: suite.mac == "sha256",
    "SHA384": lambda suite: suite.mac == "sha384",
    "PSK": lambda suite: "PSK" in suite.key_exchange,
    "ALL": lambda suite: suite.cipher != "NULL",
    "DEFAULT": lambda suite: suite.cipher not in ("NULL", "RC4_128"),
    "COMPLEMENTOFALL": lambda suite: suite.cipher == "NULL",
    "HIGH": lambda suite: _strength(suite) >= 128 and suite.cipher not in _MEDIUM,
    "MEDIUM": lambda suite: suite.cipher in _MEDIUM,
    "LOW": lambda suite: suite.cipher == "DES_CBC",
    "TLSV1.2": lambda suite: suite.mac is None or suite.mac in ("sha256", "sha384"),
}


def _is_of(suite: Suite, term: str) -> bool:
    """Return whether a term of OpenSSL's language means the suite."""
    if term == _openssl_name(suite.number):
        return True
    kinds = [_KINDS.get(part.upper()) for part in term.split("+")]
    return all(kind is not None and kind(suite) for kind in kinds)


# How lists are written.


def _iana(number: int) -> str:
    return find_suite(number).name


def _cisco(number: int) -> str:
    """``DHE_RSA_AES128_GCM_SHA256``, ``RSA_WITH_AES_128_CBC_SHA``: as IOS XE writes them."""
    suite = find_suite(number)
    name = suite.name.removeprefix("TLS_")
    if suite.bulk is not None and suite.bulk.protection is Protection.AEAD_EXPLICIT:
        return re.sub(r"AES_(\d+)", r"AES\1", name.replace("WITH_", ""))
    return name


_SPELLINGS: dict[Spelling, tuple[Callable[[int], str], str]] = {
    "openssl": (_openssl_name, ":"),
    "asterisk": (_openssl_name, ","),
    "iana": (_iana, ","),
    "cisco": (_cisco, " "),
    "ribbon": (lambda number: _iana(number).lower(), " "),
}
