"""A command at work on a device: its lines as they come, its end told from a device that vanished.

The `adb` client ends with exit code 0 when a device disappears in the middle of a command, and a device without the
second shell protocol gives no exit codes at all. So every command is written between two marks, the second of which
carries its exit code: no second mark, no answer.
"""

from __future__ import annotations

import os
import re
import secrets
import shlex
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import IO

from edgedepth.bench.device.states import last_line, refused
from edgedepth.errors import DeviceError

_KEPT = 4 << 20
"""Bytes kept of each stream's beginning, and as many of its end."""
_LONGEST_LINE = 1 << 20
_VARIABLE = "EDGEDEPTH_RUN"


@dataclass(frozen=True)
class Answer:
    """What a command said.

    Attributes:
        stdout: without marks, lines ended as Unix does; on a device without the second shell protocol, stderr too.
        stderr: what the command wrote there; empty for such a device.
        code: exit code on the device; 128 + n where signal n ended it.
        left_out: bytes that were not kept, of both streams; the text says where.
    """

    stdout: str
    stderr: str
    code: int
    left_out: int = 0


class Running:
    """A command at work; leaving the ``with`` block ends it, on the device too.

    Args:
        process: the client, its streams as pipes.
        token: that the marks and the command's environment carry.
        serial: of the device, for messages.
        kill: runs a script on the device, for ending what still runs there.
    """

    def __init__(
        self, process: subprocess.Popen[bytes], token: str, serial: str, kill: Callable[[str], object]
    ) -> None:
        self._process, self._token, self._serial, self._kill = process, token, serial, kill
        self._changed = threading.Condition()
        self._streams = (_Stream(), _Stream())
        self._lines: deque[str] = deque()
        self._waiting_bytes = 0
        pipes = [pipe for pipe in (process.stdout, process.stderr) if pipe is not None]
        self._open = len(pipes)
        for pipe, stream, of_marks in zip(pipes, self._streams, (token, None), strict=True):
            threading.Thread(target=self._collect, args=(pipe, stream, of_marks), daemon=True).start()

    def __enter__(self) -> Running:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def ended(self) -> bool:
        """Whether it is over, in whatever way; `answer` tells which."""
        return self._open == 0

    def wait(self, seconds: float) -> bool:
        """Wait for its end, at most that long; whether it ended."""
        with self._changed:
            return self._changed.wait_for(lambda: self.ended, seconds)

    def lines(self, seconds: float) -> Iterator[str]:
        """Lines of both streams as they come, without line ends, for that long or until the command ends.

        Each line is given once; of a long output that nobody reads, the oldest lines are dropped.
        """
        until = time.monotonic() + seconds
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._lines or self.ended, max(0.0, until - time.monotonic()))
                if not self._lines:
                    if self.ended or time.monotonic() >= until:
                        return
                    continue
                line = self._lines.popleft()
                self._waiting_bytes -= len(line)
            yield line

    def answer(self) -> Answer:
        """What it said, once it has ended.

        Raises:
            DeviceError: the device took no command, or went away before the command's end.
            RuntimeError: it has not ended.
        """
        if not self.ended:
            raise RuntimeError("the command is still at work")
        client = self._process.wait()
        (out, lost_out), (err, lost_err) = (stream.kept() for stream in self._streams)
        said = err.decode(errors="replace").replace("\r\n", "\n")
        begin = re.search(rb"(?:\A|\n)" + _begin(self._token) + rb"\r*\n", out)
        if begin is None and not (out or said):
            raise _went_away(self._serial, client, 0, said)
        if begin is None:
            raise refused(self._serial, (out.decode(errors="replace") + "\n" + said).strip())
        body = out[begin.end() :]
        end = re.search(rb"\r*\n" + _end(self._token) + rb" (\d{1,3})(\r*)\n", body)
        if end is None:
            raise _went_away(self._serial, client, len(body), said)
        text = body[: end.start()].decode(errors="replace")
        if end[2]:  # a terminal lay between: every line end is doubled
            text = re.sub(r"\r+\n", "\n", text)
        return Answer(text, said, int(end[1]), lost_out + lost_err)

    def stop(self) -> None:
        """End it on the device and here; nothing happens when it is over.

        A device that does not answer for some seconds is left as it is.
        """
        if not self.ended:
            with suppress(DeviceError):  # it is gone or hangs: there is nobody to end the command there
                self._kill(_killing(self._token))
                self.wait(1.0)
        end(self._process)
        self.wait(1.0)

    def _collect(self, pipe: IO[bytes], stream: _Stream, token: str | None) -> None:
        splitter = _Splitter(token)
        with pipe:
            while chunk := pipe.read1(1 << 16):  # type: ignore[attr-defined]
                with self._changed:
                    stream.feed(chunk)
                    self._queue(splitter.feed(chunk))
        with self._changed:
            self._queue(splitter.rest())
            self._open -= 1
            self._changed.notify_all()

    def _queue(self, lines: list[str]) -> None:
        self._lines.extend(lines)
        self._waiting_bytes += sum(map(len, lines))
        while self._waiting_bytes > _KEPT:
            self._waiting_bytes -= len(self._lines.popleft())
        self._changed.notify_all()


def end(process: subprocess.Popen[bytes]) -> None:
    """End a client that leads its own process group, and what it may have started; nothing for one that is over."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def new_token() -> str:
    """Something that no output holds by chance."""
    return f"edgedepth-{secrets.token_hex(8)}"


def marked(command: str, token: str) -> str:
    """A shell script that runs `command` between the marks, in a shell of its own.

    A syntax error, ``exit`` or ``exec`` in the command ends that shell only. Every process that it starts carries the
    token in its environment.
    """
    inner = f"{_VARIABLE}={token} sh -c {shlex.quote(command)} </dev/null"
    return f'echo "{_begin(token).decode()}"; {inner}; r=$?; echo; echo "{_end(token).decode()} $r"'


def _begin(token: str) -> bytes:
    return f"{token} begin".encode()


def _end(token: str) -> bytes:
    return f"{token} end".encode()


def _killing(token: str) -> str:
    # By environment and not by command line: children have it too, whatever group or session they went to. Repeated
    # for what was started in between.
    search = f"grep -l {_VARIABLE}={token} /proc/[0-9]*/environ 2>/dev/null"
    end = 'for f in $found; do f=${f#/proc/}; kill -9 "${f%/environ}" 2>/dev/null; done'
    return f'for i in 1 2 3; do found=$({search}); [ -n "$found" ] || break; {end}; done'


def _went_away(serial: str, client: int, received: int, said: str) -> DeviceError:
    line = last_line(said)
    return DeviceError(
        "The device went away in the middle of a command.",
        f"{serial}: its answer stopped after {received} bytes without the end mark; adb ended with code {client}"
        + (f" and said: {line}" if line else "."),
        "Check the cable or the network and that the phone did not restart; what is done is kept, so run it again.",
    )


class _Stream:
    """The beginning and the end of what a stream brought."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._tail_bytes = self._lost = 0

    def feed(self, chunk: bytes) -> None:
        room = _KEPT - len(self._head)
        self._head += chunk[:room]
        if rest := chunk[room:]:
            self._tail.append(rest)
            self._tail_bytes += len(rest)
        while self._tail and self._tail_bytes - len(self._tail[0]) >= _KEPT:
            self._lost += len(self._tail[0])
            self._tail_bytes -= len(self._tail.popleft())

    def kept(self) -> tuple[bytes, int]:
        """Its bytes with a note where some are missing, and how many are."""
        note = f"\n[{self._lost} bytes left out]\n".encode() if self._lost else b""
        return bytes(self._head) + note + b"".join(self._tail), self._lost


class _Splitter:
    """Chunks to lines; with a token, only those between its marks."""

    def __init__(self, token: str | None) -> None:
        self._rest = b""
        self._begin = None if token is None else _begin(token).decode()
        self._end = None if token is None else _end(token).decode()
        self._inside = token is None
        self._blank = False

    def feed(self, chunk: bytes) -> list[str]:
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > _LONGEST_LINE:
            whole.append(self._rest)
            self._rest = b""
        return self._between([line.rstrip(b"\r").decode(errors="replace") for line in whole])

    def rest(self) -> list[str]:
        """The last line, where no line end came."""
        return self.feed(b"\n") if self._rest else []

    def _between(self, lines: list[str]) -> list[str]:
        found: list[str] = []
        for line in lines:
            if self._end is not None and line.startswith(self._end):
                self._inside = self._blank = False
            elif self._inside:
                if self._blank:
                    found.append("")
                # The script's own empty line before the end mark is not the command's: told apart by what follows.
                self._blank = not line
                if line:
                    found.append(line)
            elif line == self._begin:
                self._inside = True
        return found
