"""Reading captures from Python: an iterator over results, and frames of them.

What the package offers stands in :mod:`tqdecrypt`; this is loaded when it is used.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict, Unpack

from tqdecrypt.calls import Call
from tqdecrypt.errors import InputError, UsageError
from tqdecrypt.insight.analysis import Analysis
from tqdecrypt.insight.finding import Finding
from tqdecrypt.masking import Masker, Profile, Witnessed
from tqdecrypt.masking.pseudonyms import KEY_SIZE
from tqdecrypt.pipeline import ReadOptions, Summary, patient_collector, read_by_block
from tqdecrypt.sip.message import Message
from tqdecrypt.tls.report import SessionReport

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

    from tqdecrypt.insight.trunks import Trunks
    from tqdecrypt.query import Selection

__all__ = ["Frame", "Frames", "Result", "frames", "read"]

PathLike: TypeAlias = str | os.PathLike[str]
Paths: TypeAlias = PathLike | Iterable[PathLike]
Result: TypeAlias = Message | SessionReport | Call | Finding | Summary
"""What :func:`read` yields."""
MaskName: TypeAlias = Literal["none", "keys", "people"]


def read(
    captures: Paths,
    *,
    keys: Paths = (),
    key_passphrase: str | bytes | None = None,
    keylogs: Paths = (),
    psks: str | Iterable[str] = (),
    secrets_store: PathLike | None = None,
    secrets_passphrase: str | bytes | None = None,
    trunks: PathLike | None = None,
    ports: Iterable[int] = (),
    where: str | None = None,
    mask: MaskName = "none",
    mask_key: bytes | None = None,
    findings: bool = True,
) -> Generator[Result, None, None]:
    """Read captures, and yield what is in them as it becomes known.

    Messages come in the order of their packets; a :class:`SessionReport` when a TLS session ended, a
    :class:`Call` when a call did (or the capture), findings at the end, the most severe first, and one
    :class:`Summary` last.  A block of packets is read at a time, when the next result is asked for: memory
    stays what it is however long the capture.  Whoever does not read to the end should close the iterator
    (``contextlib.closing``), which ends the child processes of private keys.

    :param captures: a path or several, which are one capture in time order; ``-`` is standard input.
    :param keys: private keys of TLS servers: files or directories.
    :param key_passphrase: of those that are encrypted.
    :param keylogs: key logs with session secrets.
    :param psks: pre-shared keys, ``[identity:]hex``.
    :param secrets_store: keeps session secrets for later captures, and has those of earlier ones.
    :param secrets_passphrase: encrypts it.
    :param trunks: file with names for addresses (``docs/reference/trunks.md``).
    :param ports: only these TCP and UDP ports; none: any.
    :param where: only what this expression selects (``docs/reference/filters.md``); files are read twice for
        it, unless it asks messages alone.
    :param mask: ``keys`` or ``people`` puts pseudonyms in the place of what must not be seen
        (``docs/reference/masking.md``).
    :param mask_key: 32 bytes that make the same pseudonyms again.
    :param findings: whether there are findings; without them it is faster.
    :raises UsageError: for an expression or a profile that means nothing, and what does not fit together.
    :raises InputError: when a key, key log or store cannot be used.  What is wrong with a capture stands in
        :attr:`Summary.problems`, and the rest is read.
    """
    task = _Task(
        _paths(captures),
        _options(keys, key_passphrase, keylogs, psks, secrets_store, secrets_passphrase, ports),
    )
    task.masker = _masker(mask, mask_key)
    task.wants_findings = findings
    if trunks is not None:
        from tqdecrypt.insight.trunks import read_trunks

        task.trunks = read_trunks(os.fspath(trunks))
    if where is not None:
        from tqdecrypt.query import Selection, compile_query

        task.selection = Selection(compile_query(where))
        if "-" in task.captures and not task.selection.messages_alone:
            raise UsageError(
                "where reads the captures twice when it asks more than messages, and standard input comes "
                "but once: save it to a file first."
            )
    return task.results()


class ReadSwitches(TypedDict, total=False):
    """What :func:`read` takes besides the captures."""

    keys: Paths
    key_passphrase: str | bytes | None
    keylogs: Paths
    psks: str | Iterable[str]
    secrets_store: PathLike | None
    secrets_passphrase: str | bytes | None
    trunks: PathLike | None
    ports: Iterable[int]
    where: str | None
    mask: MaskName
    mask_key: bytes | None
    findings: bool


def frames(captures: Paths, *, raw: bool = False, **switches: Unpack[ReadSwitches]) -> Frames:
    """Read captures whole, and return tables of what is in them; memory grows with them.

    :param raw: whether messages have their bytes, in the column ``raw``.
    :param switches: as for :func:`read`.
    :raises UsageError: when pyarrow is not installed, and as for :func:`read`.
    :raises InputError: as for :func:`read`.
    """
    from tqdecrypt.export.tables import TABLES, TableRows, arrow, schema_of

    pa = arrow()
    batches: dict[str, list[Any]] = {name: [] for name in TABLES}
    rows = TableRows(lambda name, batch: batches[name].append(batch), raw=raw)
    summary = Summary()
    with closing(read(captures, **switches)) as results:
        for result in results:
            if isinstance(result, Message):
                rows.message(result)
            elif isinstance(result, SessionReport):
                rows.session(result)
            elif isinstance(result, Call):
                rows.call(result)
            elif isinstance(result, Finding):
                rows.finding(result)
            else:
                summary = result
    rows.finish()
    made = {
        name: Frame(pa.Table.from_batches(batches[name], schema_of(name, raw=raw)))
        for name in TABLES
    }
    return Frames(**made, summary=summary)


@dataclass(frozen=True, slots=True)
class Frame:
    """One table; columns are named as in the JSON lines (``docs/reference/json.md``)."""

    table: pyarrow.Table = field(repr=False)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def to_arrow(self) -> pyarrow.Table:
        """Return it for pyarrow."""
        return self.table

    def to_pandas(self) -> pandas.DataFrame:
        """Return it for pandas, which has to be installed."""
        try:
            import pandas  # noqa: F401 - pyarrow imports it, and says less when it is missing
        except ImportError:
            raise UsageError("pandas is not installed: pip install pandas") from None
        return self.table.to_pandas()

    def to_polars(self) -> polars.DataFrame:
        """Return it for polars, which has to be installed."""
        try:
            import polars
        except ImportError:
            raise UsageError("polars is not installed: pip install polars") from None
        made = polars.from_arrow(self.table)
        assert isinstance(made, polars.DataFrame)  # a table becomes no Series
        return made


@dataclass(frozen=True, slots=True)
class Frames:
    """Everything in a capture, as tables."""

    messages: Frame
    calls: Frame
    sessions: Frame
    findings: Frame
    summary: Summary


class _Task:
    """What is to be read, and the sink that keeps what a block brought until it was taken."""

    def __init__(self, captures: list[str], options: ReadOptions) -> None:
        self.captures = captures
        self.options = options
        self.masker: Masker | None = None
        self.trunks: Trunks | None = None
        self.selection: Selection | None = None
        self.wants_findings = True
        self._results: deque[Result] = deque()
        self._decisions: dict[int, bool] = {}
        self._decided = False

    # The sink.

    def message(self, message: Message) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        chosen = self._decisions.pop(id(message), None)
        if self._chooses(message) if chosen is None else chosen:
            self._results.append(message)

    def session(self, report: SessionReport) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        if self.selection is None or not self._decided or self.selection.has_session(report):
            self._results.append(report)

    def call(self, call: Call) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        if self.selection is None or self.selection.has_call(call):
            self._results.append(call)

    def _chooses(self, message: Message) -> bool:
        """Return whether a message as it was captured is wanted."""
        if self.selection is None:
            return True
        if self._decided:
            return self.selection.has_message(message)
        return self.selection.message(message)

    def _witness(self, message: Message, masked: Message) -> None:
        self._decisions[id(masked)] = self._chooses(message)
        if self.selection is not None:
            self.selection.also(message.call_id, masked.call_id)

    # Reading.

    def results(self) -> Generator[Result, None, None]:
        """Read, block by block."""
        if self.selection is not None and "-" not in self.captures:
            self._decide(self.selection)
        analysis = Analysis(trunks=self.trunks) if self.wants_findings else None
        self.options.analysis = analysis
        self.options.mask = self.masker
        if self.masker is not None and self.selection is not None:
            self.options.mask = Witnessed(self.masker, self._witness)
        with closing(read_by_block(self.captures, self.options, self)) as steps:
            summary = None
            while summary is None:
                summary = _step(steps)
                while self._results:
                    yield self._results.popleft()
        if self.options.store is not None:
            self.options.store.save()
        selection = self.selection
        for finding in analysis.findings if analysis is not None else ():
            if selection is None or selection.has_finding(finding):
                yield finding
        if selection is not None:
            summary.counters.update(selection.counters)
        yield summary

    def _decide(self, selection: Selection) -> None:
        """Read once to know what is selected."""
        from tqdecrypt.query import Kind

        analysis = Analysis(trunks=self.trunks) if Kind.FINDING in selection.query.kinds else None
        self.options.analysis = analysis
        with closing(read_by_block(self.captures, self.options, _First(selection))) as steps:
            while _step(steps) is None:
                pass
        selection.finish(analysis.findings if analysis is not None else ())
        self._decided = True


class _First:
    """The sink of the first pass."""

    def __init__(self, selection: Selection) -> None:
        self.session = selection.session
        self.call = selection.call
        self._message = selection.message

    def message(self, message: Message) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        self._message(message)


def _step(steps: Generator[bool, None, Summary]) -> Summary | None:
    """Read the next block; return the summary behind the last one."""
    with patient_collector():
        try:
            next(steps)
        except StopIteration as end:
            summary: Summary = end.value
            return summary
    return None


def _options(
    keys: Paths,
    key_passphrase: str | bytes | None,
    keylogs: Paths,
    psks: str | Iterable[str],
    secrets_store: PathLike | None,
    secrets_passphrase: str | bytes | None,
    ports: Iterable[int],
) -> ReadOptions:
    from tqdecrypt.inputs import open_keys, open_store

    given = open_keys(
        _paths(keys),
        _paths(keylogs),
        [psks] if isinstance(psks, str) else psks,
        passphrase=_bytes(key_passphrase),
    )
    if given.problems:
        raise InputError(" ".join(given.problems))
    options = ReadOptions(ring=given.ring, ports=frozenset(ports))
    if secrets_store is not None:
        options.store = open_store(os.fspath(secrets_store), _bytes(secrets_passphrase))
    return options


def _masker(name: str, key: bytes | None) -> Masker | None:
    try:
        profile = Profile(name)
    except ValueError:
        possible = ", ".join(Profile)
        raise UsageError(f"{name!r} is no profile of masking; there are: {possible}.") from None
    if key is not None and len(key) != KEY_SIZE:
        raise UsageError(
            f"a mask key has {KEY_SIZE} bytes, such as secrets.token_bytes({KEY_SIZE})."
        )
    return None if profile is Profile.NONE else Masker(profile, key)


def _paths(paths: Paths) -> list[str]:
    if isinstance(paths, (str, os.PathLike)):
        return [os.fspath(paths)]
    return [os.fspath(path) for path in paths]


def _bytes(text: str | bytes | None) -> bytes | None:
    return text.encode() if isinstance(text, str) else text
