"""Telling what a file is that is no capture."""

from __future__ import annotations

__all__ = ["SAMPLE", "what_else"]

SAMPLE = 76
"""Bytes from a file's start that tell it, where there are as many."""

_KINDS: tuple[tuple[bytes, str, str], ...] = (
    (b"snoop\0\0\0", "a snoop file", "convert it with editcap"),
    (b"-----BEGIN", "a PEM file", "give keys with -k, and a capture here"),
    (b"SQLite format 3", "an SQLite database", "name a capture"),
    (b"PK\x03\x04", "a zip archive", "unpack it first"),
    (b"BZh", "compressed with bzip2", "expand it with bunzip2 first"),
    (b"\xfd7zXZ\0", "compressed with xz", "expand it with unxz first"),
    (b"\x7fELF", "a program", "name a capture"),
    (b"%PDF", "a PDF document", "name a capture"),
    (b"<!doctype", "a web page", "download the capture itself"),
    (b"<html", "a web page", "download the capture itself"),
    (b"TRSNIFF data", "a Sniffer file", "convert it with editcap"),
    (b"GMBU", "a Network Monitor file", "convert it with editcap"),
    (b"RTSS", "a Network Monitor file", "convert it with editcap"),
)


def what_else(name: str, start: bytes) -> str:
    """Return a sentence for the user about a file that begins with *start*."""
    for magic, kind, what_to_do in _KINDS:
        if start[: len(magic)].lower() == magic.lower():
            return f"{name} is {kind}, not a pcap or pcapng capture; {what_to_do}."
    # No magic number: a buffer header of 72 bytes, then a system event, version 2 (32 or 64 bits).
    if start[72:76] in (b"\2\0\1\xc0", b"\2\0\2\xc0"):
        return (
            f"{name} is an ETL file (a Windows event trace), not a pcap or pcapng capture; convert "
            "it with etl2pcapng."
        )
    sample = start[:SAMPLE]
    printable = sum(32 <= byte < 127 or byte in b"\t\r\n" for byte in sample)
    if sample and printable == len(sample):
        return f"{name} is a text file, not a pcap or pcapng capture; name a capture."
    return (
        f"{name} is not a pcap or pcapng capture (it begins with {start[:4].hex(' ')}); name a "
        "capture, or convert it with editcap."
    )
