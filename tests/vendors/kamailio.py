"""A Kamailio on loopback that answers every request."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vendors.proof import free_port, here, running

__all__ = ["MODULES", "kamailio"]

MODULES = next(Path("/usr/lib").glob("*/kamailio/modules/tls.so"), None)

_CONFIGURATION = """
debug=1
log_stderror=yes
children=1
fork=yes
auto_aliases=no
enable_tls=yes
listen=tls:127.0.0.1:{port}
listen=udp:127.0.0.1:{port}
mpath="{modules}"
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
    assert MODULES is not None
    port = free_port()
    files = here().write(folder)
    text = _CONFIGURATION.format(
        port=port,
        modules=f"{MODULES.parent}/",
        certificate=files.certificate,
        key=files.key,
        settings=settings,
    )
    file = folder / "kamailio.cfg"
    file.write_text(text)
    command = ["kamailio", "-DD", "-f", str(file), "-Y", str(folder), "-m", "64", "-M", "8"]
    with running(command, folder, port):
        yield port
