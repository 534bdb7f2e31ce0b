"""A Kamailio on loopback that answers every request."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kit.kamailio import kamailio as running
from kit.kamailio import module_folder
from kit.ports import free_port
from vendors.proof import here

__all__ = ["MODULES", "kamailio"]

MODULES = module_folder("tls")

_CONFIGURATION = """
enable_tls=yes
listen=tls:127.0.0.1:{port}
listen=udp:127.0.0.1:{port}
loadmodule "pv.so"
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "tls.so"
modparam("tls", "certificate", "{certificate}")
modparam("tls", "private_key", "{key}")
{settings}
request_route {{
    sl_send_reply("200", "OK");
}}
"""


@contextmanager
def kamailio(folder: Path, settings: str) -> Iterator[int]:
    """Run it with *settings* among its module parameters; yield its port."""
    port = free_port()
    files = here().write(folder)
    text = _CONFIGURATION.format(
        port=port, certificate=files.certificate, key=files.key, settings=settings
    )
    with running(folder, text, port):
        yield port
