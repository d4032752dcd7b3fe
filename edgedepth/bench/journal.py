"""Results on disk: JSON lines, appended as they come, so that a measurement that is killed loses nothing."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterable
from io import RawIOBase
from pathlib import Path
from types import TracebackType

import msgspec

from edgedepth.bench.schema import SCHEMA_VERSION, Latency, Memory, Phases, Reading, Record
from edgedepth.errors import InputError, OutputError, UsageError


class Round(msgspec.Struct, frozen=True, kw_only=True, tag="round", tag_field="type"):
    """One round of an interleaved matrix.

    Attributes:
        matrix: identity of the matrix.
        number: counted from 0.
        samples_ms: by `schema.key` of each configuration that was timed in it.
    """

    matrix: str
    number: int
    samples_ms: dict[str, float]


class Part(msgspec.Struct, frozen=True, kw_only=True, tag="part", tag_field="type"):
    """One invocation of a benchmark program, of the several that a record is made of.

    Attributes:
        matrix: identity of the matrix.
        key: the configuration's (`schema.key`).
        number: round that it belongs to, counted from 0.
        readings: of the device before, during and after; seconds count from the program's start.
    """

    matrix: str
    key: str
    number: int
    phases: Phases
    latency: Latency
    memory: Memory | None
    delegated: int | None
    nodes: int | None
    partitions: int | None
    fully_accelerated: bool | None
    version: str
    readings: tuple[Reading, ...]
    cooldown_s: float | None


Entry = Record | Round | Part
_DECODER = msgspec.json.Decoder(Entry)


class Journal:
    """A result file that one process at a time appends to, from any of its threads.

    Use it as a context manager. What lay in the file when it was opened is in `records` and `rounds`; a last line
    that a kill cut short is dropped, and cut off the file before anything is appended.

    Args:
        path: of the file; made if need be.
        fresh: forget what it holds, once no other process writes to it.

    Raises:
        InputError: the file holds something else than results.
        OutputError: it cannot be written.
        UsageError: another process measures into it.
    """

    def __init__(self, path: Path, *, fresh: bool = False) -> None:
        self.path, self._fresh = path, fresh
        self._file: RawIOBase | None = None
        self._entries: list[Entry] = []
        self._lock = threading.Lock()

    def __enter__(self) -> Journal:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("a+b", buffering=0)  # what is buffered would be written again on closing
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._close()
            raise UsageError(
                f"Another measurement writes to {self.path}.",
                "It holds the file's lock.",
                "Wait, or use another folder.",
            ) from error
        except OSError as error:
            self._close()
            raise OutputError(f"{self.path} cannot be written.", str(error), "Choose another folder.") from error
        try:
            if self._fresh:
                self._file.truncate(0)
            self._file.seek(0)
            content = self._file.read()
            self._entries = _entries(content, self.path)
            self._file.truncate(content.rfind(b"\n") + 1)
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    @property
    def records(self) -> list[Record]:
        """Finished configurations, the last of each key."""
        return _latest(self._entries)

    def rounds(self, matrix: str) -> list[Round]:
        """The rounds of one matrix in the order in which they were measured."""
        return [entry for entry in self._entries if isinstance(entry, Round) and entry.matrix == matrix]

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Everything, in the order in which it was appended."""
        return tuple(self._entries)

    def append(self, entry: Entry) -> None:
        """Write one line, and have it on the disk before going on.

        Raises:
            OutputError: the disk is full or went away; what was written before stays readable.
        """
        line = msgspec.json.encode(entry) + b"\n"
        with self._lock:
            self._write(line)
            self._entries.append(entry)

    def _write(self, line: bytes) -> None:
        if self._file is None:
            raise ValueError("the journal is not open")
        start = self._file.seek(0, os.SEEK_END)
        try:
            left = memoryview(line)
            while left:
                left = left[self._file.write(left) :]
            os.fsync(self._file.fileno())
        except OSError as error:
            os.truncate(self.path, start)
            raise OutputError(f"{self.path} could not be written.", str(error), "Free some space and go on.") from error

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def read_records(paths: Iterable[Path]) -> list[Record]:
    """Finished configurations of result files, the last of each key, in order of first appearance.

    Raises:
        InputError: a file is missing or holds something else than results.
    """
    entries: list[Entry] = []
    for path in paths:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise InputError(
                f"There are no results at {path}.",
                error.strerror or str(error),
                "`edgedepth bench host -o FOLDER` writes some.",
            ) from error
        entries += _entries(content, path)
    return _latest(entries)


def _entries(content: bytes, path: Path) -> list[Entry]:
    lines = content.split(b"\n")
    cut = lines.pop()  # what follows the last line end: nothing, or what a kill left
    found = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            found.append(_decoded(line, path, number))
    if cut and not found:
        found.append(_decoded(cut, path, 1))
    return found


def _decoded(line: bytes, path: Path, number: int) -> Entry:
    try:
        entry: Entry = _DECODER.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} is not a result file.", f"Line {number}: {error}.", "Name a results.jsonl that edgedepth wrote."
        ) from error
    if isinstance(entry, Record) and entry.schema_version > SCHEMA_VERSION:
        raise InputError(
            f"{path} was written by a newer edgedepth.",
            f"Line {number} has schema {entry.schema_version}; this version reads up to {SCHEMA_VERSION}.",
            "Upgrade edgedepth.",
        )
    return entry


def _latest(entries: Iterable[Entry]) -> list[Record]:
    latest: dict[str, Record] = {}
    for entry in entries:
        if isinstance(entry, Record):
            latest[entry.key] = entry
    return list(latest.values())
