"""One device while it is measured: a private folder, what was copied there, and programs that run to their end."""

from __future__ import annotations

import shlex
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from edgedepth.bench.device.adb import Adb, Answer
from edgedepth.bench.device.conditions import Moment, look
from edgedepth.bench.schema import Reading
from edgedepth.errors import DeviceError

HOME = "/data/local/tmp/edgedepth"
READ_EVERY = 5.0
"""Seconds between two readings while a program runs: each takes a fraction of a second of the device's processor."""


class MeasurementStoppedError(Exception):
    """The measurement is to end now."""


@dataclass(frozen=True)
class Finished:
    """A program's end.

    Attributes:
        answer: what it said.
        files: contents of the files that were asked for and exist, by their path on the device.
        readings: before, during and after, in seconds since its start.
    """

    answer: Answer
    files: Mapping[str, bytes]
    readings: tuple[Reading, ...]


class Session:
    """A private folder on one device; use it as a context manager, which removes the folder again.

    Args:
        adb: on the device.
        token: name of the folder.
        keep: leave it there.
        stopped: asked again and again; once it says yes, everything ends with `MeasurementStoppedError`.

    Raises:
        DeviceError: the device is not ready.
    """

    def __init__(
        self, adb: Adb, token: str, *, keep: bool = False, stopped: Callable[[], bool] = lambda: False
    ) -> None:
        self.adb, self.folder = adb, f"{HOME}/{token}"
        self.left_behind = ""
        self._keep, self.stop_requested = keep, stopped
        self._there: dict[str, str] = {}
        self._first: Moment | None = None

    def __enter__(self) -> Session:
        # What a killed run of another day left; find is missing on some devices, and nothing depends on it.
        self.adb.shell(f"find {HOME} -mindepth 1 -maxdepth 1 -mtime +1 -exec rm -rf {{}} + 2>/dev/null")
        self.adb.make_folder(self.folder)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._keep:
            self.left_behind = self.folder
            return
        try:
            self.adb.remove(self.folder)
        except DeviceError:
            self.left_behind = self.folder  # it went away; the next run of another day removes it

    def put(self, file: Path, *, program: bool = False) -> str:
        """Copy a file to the folder, once; its path there.

        Raises:
            DeviceError: it did not arrive whole.
        """
        self._go_on()
        source = str(file.resolve())
        if source not in self._there:
            # Two files of one name must not meet; libraries keep their name, since others load them by it.
            remote = f"{self.folder}/{file.name}"
            if remote in self._there.values():
                remote = f"{self.folder}/{len(self._there)}-{file.name}"
            self.adb.push(file, remote)
            if program:
                self._made_executable(remote)
            self._there[source] = remote
        return self._there[source]

    def look(self, at_s: float = 0.0) -> Moment:
        """The device's state now.

        Raises:
            DeviceError: it went away, restarted, or is not the device that the session began with.
        """
        now = look(self.adb, at_s)
        if self._first is None:
            self._first = now
        elif now.device != self._first.device:
            raise DeviceError(
                "Another device answers under the same serial number, or its system was changed.",
                f"{self.adb.serial}: its identity differs from when the measurement began.",
                "Measure it anew with --fresh.",
            )
        elif now.boot and self._first.boot and now.boot != self._first.boot:  # a failed read says nothing
            raise DeviceError(
                "The device restarted in the middle of the measurement.",
                f"{self.adb.serial}: its boot identity changed.",
                "Run the same command again: what is done is kept.",
            )
        return now

    def run(self, command: Sequence[str], mask: str, result_files: Sequence[str], limit_s: float) -> Finished:
        """Run a program in the folder to its end, reading the device's state before, during and after.

        Libraries in the folder are found by it.

        Args:
            command: its words; paths are the device's.
            mask: of the cores that it may use, hexadecimal; empty for any.
            result_files: that it writes; older ones are removed before.
            limit_s: after which it is ended.

        Raises:
            DeviceError: the device went away, or the program did not end in time.
            MeasurementStoppedError: the measurement is to end.
        """
        self._go_on()
        for old in result_files:
            self.adb.remove(old)
        script = self._script(command, mask)
        readings = [self.look(-1.0).reading]
        start = time.monotonic()
        with self.adb.start(script) as running:
            while not running.wait(min(READ_EVERY, 0.5)):
                self._go_on()
                elapsed = time.monotonic() - start
                if elapsed > limit_s:
                    raise DeviceError(
                        "A program did not end in time on the device.",
                        f"{self.adb.serial}: {command[0].rpartition('/')[2]} was ended after {limit_s:.0f} s.",
                        "Allow more with --max-seconds, or ask for fewer runs.",
                    )
                if elapsed - max(0.0, readings[-1].at_s) >= READ_EVERY:
                    readings.append(self.look(elapsed).reading)
            answer = running.answer()
        readings.append(self.look(time.monotonic() - start).reading)
        return Finished(answer, dict(self._pulled(result_files)), tuple(readings))

    def wait(self, seconds: float) -> None:
        """Let the device rest.

        Raises:
            MeasurementStoppedError: the measurement is to end.
        """
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._go_on()
            time.sleep(min(left, 0.2))

    def _script(self, command: Sequence[str], mask: str) -> str:
        here = shlex.quote(self.folder)
        pinned = ["taskset", mask, *command] if mask else list(command)
        # ADSP_LIBRARY_PATH is where Qualcomm's NPU looks for its side of a library.
        return f"cd {here} && LD_LIBRARY_PATH={here} ADSP_LIBRARY_PATH={here} {shlex.join(pinned)}"

    def _pulled(self, result_files: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        for remote in result_files:
            if self.adb.exists(remote):
                with tempfile.TemporaryDirectory() as folder:
                    local = Path(folder) / "file"
                    self.adb.pull(remote, local)
                    yield remote, local.read_bytes()

    def _made_executable(self, remote: str) -> None:
        answer = self.adb.shell(["chmod", "755", remote])
        if answer.code:
            raise DeviceError(
                "A program cannot be made executable on the device.", answer.stderr.strip(), "Free /data/local/tmp."
            )

    def _go_on(self) -> None:
        if self.stop_requested():
            raise MeasurementStoppedError


def back_again(adb: Adb, seconds: float, stopped: Callable[[], bool]) -> bool:
    """Wait for a device that went away; whether it takes commands again."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and not stopped():
        with suppress(DeviceError):
            if adb.shell("true", timeout=5.0).code == 0:
                return True
        time.sleep(0.5)
    return False
