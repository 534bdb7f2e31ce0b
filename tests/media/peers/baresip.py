"""Telephones: a baresip each, with a tone for a voice."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from media.peers.network import Host, Network, Running

__all__ = ["CODECS", "MODULES", "Phone", "facts"]

MODULES = next(
    (one.parent for one in Path("/usr/lib").glob("**/baresip/modules/account.so")), Path()
)
"""Where its modules are."""
CODECS = {"pcmu": (8000, 1), "pcma": (8000, 1), "g722": (16000, 1), "opus": (48000, 2)}
"""Samples a second and channels."""


@dataclass(frozen=True)
class Phone:
    """One telephone and its only account."""

    name: str
    host: Host
    sip_port: int
    """For SIP in clear, which nobody uses; the next one is for TLS."""
    media_port: int
    """The first one of ten."""
    user: str
    codec: str
    encryption: str = ""
    """``srtp`` and ``srtp-mand`` (SDES, offered or demanded), ``dtls_srtp``; none for RTP in clear."""
    proxy: str = ""
    """Where all requests go first."""

    @property
    def uri(self) -> str:
        """Where it answers."""
        return f"sip:{self.user}@{self.host.value}:{self.sip_port + 1};transport=tls"

    def start(
        self,
        network: Network,
        identity: Path,
        environment: dict[str, str],
        dial: str = "",
    ) -> Running:
        """Switch it on; it answers each call at once.

        Its voice is in a file of the network's folder, ``left-8000.wav`` for example.

        :param identity: key and certificate in one file.
        :param dial: the URI that it calls first.
        """
        home = network.folder / self.name
        home.mkdir()
        (home / "contacts").touch()
        rate, channels = CODECS[self.codec]
        account = [
            f"<sip:{self.user}@{self.host.value};transport=tls>;regint=0;answermode=auto",
            f"audio_codecs={self.codec}/{rate}/{channels}",
            *([f"mediaenc={self.encryption}"] if self.encryption else []),
            *([f'outbound="{self.proxy}"'] if self.proxy else []),
        ]
        (home / "accounts").write_text(";".join(account) + "\n")
        voice = network.folder / f"{self.host.name.lower()}-{rate}.wav"
        modules = ["g711", "g722", "opus", "aufile", "aubridge"]
        if self.encryption:
            modules.append("srtp" if self.encryption.startswith("srtp") else self.encryption)
        (home / "config").write_text(
            "poll_method epoll\n"
            f"sip_listen {self.host.value}:{self.sip_port}\nsip_certificate {identity}\n"
            f"audio_source aufile,{voice}\nausrc_srate {rate}\nauplay_srate {rate}\n"
            f"ausrc_channels {channels}\nauplay_channels {channels}\n"
            f"audio_player aubridge,ear-{self.name}\naudio_alert aubridge,bell-{self.name}\n"
            f"rtp_ports {self.media_port}-{self.media_port + 9}\nrtp_stats yes\n"
            f"module_path {MODULES}\nmodule_tmp account.so\nmodule_app menu.so\n"
            + "".join(f"module {one}.so\n" for one in modules)
        )
        command = ["baresip", "-s", "-f", str(home), *(["-e", f"/dial {dial}"] if dial else [])]
        return network.start(self.name, command, self.host, environment)


def facts(said: str, host: Host) -> dict[str, Any]:
    """Return what a telephone said of its one call: where it received, as whom it sent, and how much."""
    own = said[said.index(f"c=IN IP4 {host.value}") :]
    port = re.search(r"^m=audio (\d+)", own, re.M)
    ssrc = re.search(r"^a=ssrc:(\d+)", own, re.M)
    packets = re.search(r"^packets: +(\d+) +(\d+)", said, re.M)
    assert port, said
    assert ssrc, said
    assert packets, said
    return {
        "endpoint": f"{host.value}:{port[1]}",
        "ssrc": int(ssrc[1]),
        "sent": int(packets[1]),
        "received": int(packets[2]),
    }
