"""``tqdecrypt export``: one module a format; each is a thin shell over :mod:`tqdecrypt.export`."""

from __future__ import annotations

import typer

from tqdecrypt.cli.export.audio import audio
from tqdecrypt.cli.export.bundle import bundle
from tqdecrypt.cli.export.hep import hep
from tqdecrypt.cli.export.json import json_lines
from tqdecrypt.cli.export.packets import pcap, pcapng
from tqdecrypt.cli.export.report import report
from tqdecrypt.cli.export.secrets import keylog
from tqdecrypt.cli.export.tables import arrow, parquet

__all__ = ["export"]

export = typer.Typer(
    rich_markup_mode=None,
    help="Hand results on to other programs and other people, all of them or a chosen part.",
)
export.command("report", short_help="One HTML page for a ticket.")(report)
export.command("pcap", short_help="Clear text as packets for Wireshark and sngrep.")(pcap)
export.command("pcapng", short_help="The same with comments, or packets with secrets.")(pcapng)
export.command("keylog", short_help="The secrets of TLS sessions as a key log.")(keylog)
export.command("audio", short_help="What was said in a call, as WAV; only with --audio.")(audio)
export.command("json", short_help="JSON lines: messages, calls, sessions, findings.")(json_lines)
export.command("hep", short_help="HEP3 packets to Homer, or any reader of HEP.")(hep)
export.command("parquet", short_help="Parquet files of messages, calls, sessions, findings.")(
    parquet
)
export.command("arrow", short_help="One of these tables as an Arrow stream.")(arrow)
export.command("bundle", short_help="What support may have of it: no keys, no names.")(bundle)
