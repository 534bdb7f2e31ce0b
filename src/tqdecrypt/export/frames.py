"""Parquet files and Arrow streams of the tables."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from typing import Any, BinaryIO, Self

from tqdecrypt.export.tables import TableRows, arrow, schema_of

__all__ = ["ArrowStream", "ParquetTables"]


class _Written(TableRows):
    """Tables that are written; in a ``with`` block they end, whatever happens."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.finish()
            return
        # A writer that is left open would write its end into the closed file, and complain.
        for writer in self.writers():
            with contextlib.suppress(Exception):
                writer.close()

    def writers(self) -> Iterable[Any]:
        """Return what writes."""
        return ()


class ParquetTables(_Written):
    """Writes each table to a Parquet file: Zstandard, a row group for each batch.

    :param streams: name of a table → where to.
    """

    def __init__(self, streams: Mapping[str, BinaryIO], *, raw: bool = False) -> None:
        super().__init__(self._write, tuple(streams), raw=raw)
        parquet = arrow().parquet
        self._writers = {
            name: parquet.ParquetWriter(stream, schema_of(name, raw=raw), compression="zstd")
            for name, stream in streams.items()
        }

    def finish(self) -> None:
        """Write what is left, and the footers."""
        super().finish()
        for writer in self._writers.values():
            writer.close()

    def writers(self) -> Iterable[Any]:
        """See :class:`_Written`."""
        return self._writers.values()

    def _write(self, table: str, batch: Any) -> None:
        self._writers[table].write_batch(batch)


class ArrowStream(_Written):
    """Writes one table as a stream of Arrow's interprocess format, which a pipe can carry.

    :param table: its name.
    """

    def __init__(self, table: str, stream: BinaryIO, *, raw: bool = False) -> None:
        super().__init__(self._write, (table,), raw=raw)
        self._writer = arrow().ipc.new_stream(stream, schema_of(table, raw=raw))

    def finish(self) -> None:
        """Write what is left, and the end of the stream."""
        super().finish()
        self._writer.close()

    def writers(self) -> Iterable[Any]:
        """See :class:`_Written`."""
        return (self._writer,)

    def flush(self) -> None:
        """Write the rows that there are, for somebody who waits at a pipe."""
        super().finish()

    def _write(self, _table: str, batch: Any) -> None:
        self._writer.write_batch(batch)
