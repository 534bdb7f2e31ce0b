"""Calls between telephones through a proxy with an RSA key, all at once, as a capture point sees them.

    cd tests && unshare … python -m media.peers.calls FOLDER

``calls.pcap`` in the folder is the capture, ``calls.json`` what the programs themselves counted,
``server.key`` the key of all SIP servers, and ``keys.log``, where there is a C compiler, what the
telephones' OpenSSL derived.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kit import certificates
from kit.kamailio import SETTINGS, module_folder
from kit.sound import tone
from media.peers import rtpengine
from media.peers.baresip import CODECS, Phone, facts
from media.peers.network import Host, Network, Running

__all__ = ["CALLS", "HERTZ", "Planned"]

TALK = 1.1
"""Seconds in which all telephones talk at the same time: more than fifty packets each."""
HERTZ = {Host.LEFT: 440.0, Host.RIGHT: 620.0}
"""Which tone is whose voice."""


@dataclass(frozen=True)
class Planned:
    """One call from the left to the right."""

    name: str
    caller: str = ""
    """What it wants of encryption."""
    codec: str = "pcmu"
    callee: str | None = None
    """The same as the caller, when nothing is said."""
    callee_codec: str = ""
    relay: str = ""
    """Flags for rtpengine's offer to the callee; none when media does not pass it."""
    proxied: bool = True


SUITES = (
    *("AEAD_AES_256_GCM", "AEAD_AES_128_GCM", "AES_256_CM_HMAC_SHA1_80", "AES_256_CM_HMAC_SHA1_32"),
    *("AES_192_CM_HMAC_SHA1_80", "AES_192_CM_HMAC_SHA1_32", "AES_CM_128_HMAC_SHA1_80"),
    *("AES_CM_128_HMAC_SHA1_32", "F8_128_HMAC_SHA1_80", "F8_128_HMAC_SHA1_32"),
    *("NULL_HMAC_SHA1_80", "NULL_HMAC_SHA1_32"),
)
"""All that rtpengine has."""


def _with(suite: str) -> str:
    """Return flags for SDES with one suite, its keys padded as RFC 4648 wants it."""
    others = " ".join(f"SDES-no-{one}" for one in SUITES if one != suite)
    return f"RTP/SAVP DTLS=off SDES-pad {others}"


CALLS = (
    Planned("clear", codec="pcma"),
    Planned("sdes", "srtp-mand"),
    Planned("opus", "srtp-mand", "opus"),
    Planned("dtls", "dtls_srtp"),
    Planned("direct", "srtp-mand", "pcma", proxied=False),
    Planned("offered", "srtp", callee=""),
    Planned("bridged", "srtp-mand", callee="", relay="RTP/AVP"),
    Planned("coded", "srtp-mand", "g722", "", "pcma", "RTP/AVP codec-mask-all transcode-PCMA"),
    Planned("counter", callee="srtp-mand", relay=_with("AES_CM_128_HMAC_SHA1_32")),
    Planned("galois", callee="srtp-mand", relay=_with("AEAD_AES_256_GCM")),
    Planned("keyless", "srtp-mand", relay=_with("AEAD_AES_128_GCM")),
    Planned("shaken", "dtls_srtp", callee="", relay="RTP/AVP DTLS=passive"),
)

_PROXY = """
enable_tls=yes
listen=tls:{host}:5061
loadmodule "pv.so"
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "rr.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "tls.so"
loadmodule "rtpengine.so"
modparam("tls", "certificate", "server.crt")
modparam("tls", "private_key", "server.key")
modparam("tls", "tls_method", "TLSv1.2")
modparam("tls", "cipher_list", "AES256-GCM-SHA384:AES128-SHA")
modparam("rtpengine", "rtpengine_sock", "udp:{control}")
request_route {{
    if (has_totag()) {{
        loose_route();
        if (is_method("BYE")) rtpengine_delete();
        t_relay();
        exit;
    }}
    record_route();
    {relays}
    t_relay();
}}
onreply_route[relayed] {{
    if (has_body("application/sdp")) rtpengine_answer();
}}
"""


def main(folder: Path) -> None:
    """Make the calls."""
    files = certificates.server().write(folder)
    identity = folder / "identity.pem"
    identity.write_bytes(files.key.read_bytes() + files.certificate.read_bytes())
    write_voices(folder)
    with Network(folder) as network:
        dumpcap = network.capture(folder / "calls.pcap")
        servers = start_servers(network)
        phones = Phones(network, identity)
        control = wait_for_servers(network, *servers)
        dumpcap.wait_for("File:")
        phones.call()
        time.sleep(TALK)
        told = phones.hang_up()
        found = [outcome(one, told, control) for one in CALLS]
        network.end_capture(dumpcap)
    (folder / "calls.json").write_text(json.dumps(found, indent=1))


def write_voices(folder: Path) -> None:
    """Write what the telephones say, longer than any call."""
    for host, hertz in HERTZ.items():
        for rate, channels in set(CODECS.values()):
            with wave.open(str(folder / f"{host.name.lower()}-{rate}.wav"), "wb") as file:
                file.setnchannels(channels)
                file.setsampwidth(2)
                file.setframerate(rate)
                file.writeframes(tone(rate, 10.0, hertz).repeat(channels).tobytes())


def start_servers(network: Network) -> tuple[Running, Running]:
    """Start proxy and relay."""
    relay = rtpengine.start(network, Host.SERVER, (30000, 31000))
    relays = "".join(
        f'if ($rU == "{one.name}") {{ rtpengine_offer("{one.relay}"); t_on_reply("relayed"); }}\n'
        for one in CALLS
        if one.relay
    )
    text = SETTINGS.format(modules=module_folder()) + _PROXY.format(
        host=Host.SERVER.value, control=":".join(map(str, rtpengine.CONTROL)), relays=relays
    )
    (network.folder / "kamailio.cfg").write_text(text)
    folder = str(network.folder)
    command = ["kamailio", "-DD", "-f", "kamailio.cfg", "-Y", folder, "-m", "32", "-M", "8"]
    return network.start("kamailio", command), relay


def wait_for_servers(network: Network, proxy: Running, relay: Running) -> rtpengine.Controller:
    """Wait until both are up; return who speaks with the relay."""
    proxy.wait_until(lambda: listens(Host.SERVER, 5061), "socket")
    control = rtpengine.Controller(network, Host.SERVER)
    relay.wait_until(control.answers, "answer")
    return control


def listens(host: Host, port: int) -> bool:
    """Return whether a TCP port of where we are is open; a connection would be one too many."""
    address = socket.inet_aton(host.value)[::-1].hex().upper()
    return f"{address}:{port:04X} 00000000:0000 0A" in Path("/proc/net/tcp").read_text()


class Phones:
    """The telephones of all calls; those that are called are switched on first."""

    def __init__(self, network: Network, identity: Path) -> None:
        self._network, self._identity = network, identity
        self._environment = logging_keys(network.folder)
        self._running: dict[str, Running] = {}
        self._callees = {
            one.name: Phone(
                f"{one.name}-callee", Host.RIGHT, 6000 + 10 * number, 20000 + 10 * number,
                one.name, one.callee_codec or one.codec,
                one.caller if one.callee is None else one.callee,
            )
            for number, one in enumerate(CALLS)
        }  # fmt: skip
        for phone in self._callees.values():
            self._running[phone.name] = phone.start(network, identity, self._environment)

    def call(self) -> None:
        """Let all callers call; return as soon as everybody hears somebody."""
        proxy = f"sip:{Host.SERVER.value}:5061;transport=tls"
        for number, one in enumerate(CALLS):
            callee = self._callees[one.name]
            self._running[callee.name].wait_for("baresip is ready")
            caller = Phone(
                f"{one.name}-caller", Host.LEFT, 7000 + 10 * number, 10000 + 10 * number,
                "caller", one.codec, one.caller, proxy if one.proxied else "",
            )  # fmt: skip
            self._running[caller.name] = caller.start(
                self._network, self._identity, self._environment, callee.uri
            )
        for phone in self._running.values():
            phone.wait_for("Call established")
        for name, phone in self._running.items():
            if not name.startswith("keyless"):
                phone.wait_for("incoming rtp for 'audio' established")

    def hang_up(self) -> dict[str, str]:
        """Let the callers end their calls; return what every telephone said."""
        for phone in reversed(self._running.values()):
            phone.stop()
        return {name: phone.said() for name, phone in self._running.items()}


def logging_keys(folder: Path) -> dict[str, str]:
    """Return the variables that make programs log their TLS secrets; none without a compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        return {}
    source, library = Path(__file__).with_name("keylog.c"), folder / "keylog.so"
    command = [compiler, "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"]
    subprocess.run(command, check=True)
    return {"LD_PRELOAD": str(library), "SSLKEYLOGFILE": str(folder / "keys.log")}


def outcome(one: Planned, told: dict[str, str], control: rtpengine.Controller) -> dict[str, Any]:
    """Return what the programs counted of one call."""
    said = told[f"{one.name}-caller"]
    call_id = said.split("Call-ID: ")[1].split()[0]
    return {
        "name": one.name,
        "call_id": call_id,
        "caller": facts(said, Host.LEFT),
        "callee": facts(told[f"{one.name}-callee"], Host.RIGHT),
        "relay": control.ask("query", call_id=call_id) if one.relay else None,
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
