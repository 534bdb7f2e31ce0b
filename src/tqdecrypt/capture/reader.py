"""Several captures as one: blocks in time order, frames numbered from 1."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator, Sequence

from tqdecrypt.capture.block import Interface, PacketBlock
from tqdecrypt.capture.facts import CapturedSecrets, Facts
from tqdecrypt.capture.merge import merged
from tqdecrypt.capture.source import Source

__all__ = ["CaptureReader", "open_captures"]


def open_captures(
    paths: Sequence[str], *, on_progress: Callable[[int, int], None] | None = None
) -> CaptureReader:
    """Open captures: pcap or pcapng files, compressed or not, FIFOs, ``-`` for standard input.

    Several are merged in time order; :mod:`tqdecrypt.capture.merge` says how.  Nothing is raised
    for what cannot be read; it is said in :attr:`CaptureReader.problems`, and the rest is read.
    What is named twice is read once.

    :param on_progress: called after each block with the bytes read and the bytes in all.
    """
    _allow_open_files(len(paths))
    return CaptureReader(paths, on_progress)


def _allow_open_files(number: int) -> None:
    """Raise the soft limit of open files, as far as allowed, when there are many to merge."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = number + 256  # and whatever else the program has open
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class CaptureReader:
    """Yields the packets of its sources, once.  A context manager.

    :ivar live: whether packets come as they happen, from a pipe.
    :ivar total_bytes: size of all files.
    """

    def __init__(
        self, paths: Sequence[str], on_progress: Callable[[int, int], None] | None
    ) -> None:
        self._facts = Facts()
        self._sources = [Source(path, self._facts) for path in dict.fromkeys(paths)]
        self._on_progress = on_progress
        self.live = any(source.live for source in self._sources)
        self.total_bytes = sum(source.size for source in self._sources)

    def __enter__(self) -> CaptureReader:
        return self

    def __exit__(self, *exception: object) -> None:
        for source in self._sources:
            source.close()

    @property
    def problems(self) -> list[str]:
        """One sentence for each source that could not be read to its end."""
        return [source.problem for source in self._sources if source.problem]

    @property
    def may_bring_secrets(self) -> bool:
        """Whether a source is of a format that can hold session secrets, behind packets, too."""
        return self._facts.may_bring_secrets

    @property
    def secrets(self) -> Sequence[CapturedSecrets]:
        """The secrets met so far, in the order in which they were met."""
        return self._facts.secrets

    @property
    def interfaces(self) -> Sequence[Interface]:
        """Where the packets so far were captured; the list only grows."""
        return self._facts.interfaces

    @property
    def names(self) -> dict[str, set[str]]:
        """The names of addresses met so far."""
        return self._facts.names

    @property
    def counters(self) -> dict[str, int]:
        """What was passed over, dropped or bent so far, by name."""
        return dict(self._facts.counters)

    def __iter__(self) -> Iterator[PacketBlock]:
        frame = 1
        for packets in merged(self._sources):
            yield PacketBlock(
                packets.buffer,
                frame,
                packets.time,
                packets.offset,
                packets.captured,
                packets.length,
                packets.interface,
                self._facts.interfaces,
                packets.dropped,
            )
            frame += len(packets.time)
            if self._on_progress is not None:
                done = sum(source.position for source in self._sources)
                self._on_progress(done, self.total_bytes)
