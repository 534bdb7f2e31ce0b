"""``tqdecrypt export bundle``: what support may have of a capture that it may not see."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from tqdecrypt.cli.export.switches import NOTHING_CHOSEN, ExportSwitches
from tqdecrypt.cli.screen import complain
from tqdecrypt.cli.switches import reading
from tqdecrypt.errors import UsageError
from tqdecrypt.files import whole_file

if TYPE_CHECKING:
    from tqdecrypt.cli.run import Outcome
    from tqdecrypt.export.bundle import Bundle
    from tqdecrypt.export.pseudonyms import Pseudonyms

__all__ = ["bundle", "without_names"]

LIBRARIES = ("numpy", "cryptography", "typer", "rich", "zstandard")
_PATH = re.compile(r"[^\s,;()]*/[^\s,;()]*")
_ADDRESS = re.compile(
    r"\b\d{1,3}(?:\.\d{1,3}){3}\b|\[?[0-9A-Fa-f]*:[0-9A-Fa-f:]*:[0-9A-Fa-f.:]*\]?"
)


@reading
def bundle(switches: ExportSwitches) -> int:
    """Write a support bundle (.tar.gz): how TLS and SIP looked from outside, and why what stayed dark.

    There are no keys, no payload, no numbers, no names and no addresses in it; its README.txt says what is
    in each file, so that you can look before you send it.
    """
    from tqdecrypt.export.bundle import Bundle

    choice = switches.choose()
    with whole_file(switches.output, replace=switches.force, what="bundle") as file:
        sink = Bundle()
        analysis = choice.analysis()
        outcome = choice.read(switches, sink, analysis=analysis, observers=[sink])
        if outcome.summary is None:
            raise KeyboardInterrupt
        if not choice.wanted.everything and not (sink.told("sessions") or sink.told("messages")):
            raise UsageError(NOTHING_CHOSEN)
        for finding in choice.findings(analysis.findings):
            sink.finding(finding)
        names = dict(_names(switches))
        problems = [without_names(one, names, sink.pseudonyms) for one in outcome.summary.problems]
        sink.write(file, outcome.summary, _versions(outcome, sink.pseudonyms), problems)
    complain(_written(switches.output, sink))
    return outcome.status


def _versions(outcome: Outcome, pseudonyms: Pseudonyms) -> dict[str, object]:
    import platform
    import ssl
    from importlib import metadata

    from cryptography.hazmat.backends.openssl import backend

    from tqdecrypt import __version__

    ring = outcome.inputs.options.ring
    return {
        "tqdecrypt": __version__,
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "system": platform.system(),
        "release": platform.release(),
        "machine": platform.machine(),
        "libraries": {name: metadata.version(name) for name in LIBRARIES},
        "openssl": ssl.OPENSSL_VERSION,
        "openssl_of_cryptography": backend.openssl_version_text(),
        "keys": [
            {
                "kind": key.kind,
                "bits": key.size,
                "public_key_hash": pseudonyms.hash(key.spki_sha256),
            }
            for key in ring.keys
        ],
        "secrets_in_key_logs": len(ring.keylog),
        "pre_shared_keys": len(ring.psks),
    }


def _names(switches: ExportSwitches) -> Iterator[tuple[str, str]]:
    """Yield what files are called, whole and for short, with what stands for them."""
    kinds = (
        ("capture", switches.captures),
        ("key", switches.keys),
        ("key log", switches.keylogs),
        ("place", switches.keylog_listen),
        ("pre-shared key", switches.psks),
        (
            "file",
            [
                path
                for path in (
                    switches.key_passphrase_file,
                    switches.secrets_store,
                    switches.secrets_passphrase_file,
                    switches.trunks,
                )
                if path is not None
            ],
        ),
    )
    for kind, paths in kinds:
        for number, path in enumerate(paths, 1):
            called = f"({kind} {number})"
            if os.path.isdir(path):
                for name in sorted(os.listdir(path)):
                    yield os.path.join(path, name), called
                    yield name, called
            yield path, called
            yield os.path.realpath(path), called
            yield os.path.basename(path), called


def without_names(sentence: str, names: Mapping[str, str], pseudonyms: Pseudonyms) -> str:
    """Return a sentence about an input without the names of files, and without addresses.

    :param names: what files are called, and what stands for them.
    """
    for name in sorted(names, key=len, reverse=True):
        if name and name != "-":
            sentence = sentence.replace(name, names[name])
    sentence = _PATH.sub("(path)", sentence)
    return _ADDRESS.sub(lambda found: pseudonyms.address(found[0]), sentence)


def _written(output: str, sink: Bundle) -> str:
    """Return what was written where, and what had to be left out."""
    from tqdecrypt.views.words import count

    where = "standard output" if output == "-" else output
    words = (
        f"the bundle is in {where}: {count(sink.told('sessions'), 'TLS session')}, "
        f"{count(sink.told('messages'), 'SIP message')}, {count(sink.told('findings'), 'finding')}, "
        f"{count(sink.pseudonyms.addresses, 'address', 'addresses')} behind pseudonyms"
    )
    left = [
        f"{name.replace('_', ' ')} {number:,}" for name, number in sorted(sink.counters.items())
    ]
    return f"{words}; left out: {', '.join(left)}." if left else f"{words}."
