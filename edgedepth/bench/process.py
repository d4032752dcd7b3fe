"""The parent's side of a measuring process: start it, ask it, end it."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType

import msgspec

from edgedepth.bench.job import Ended, Failed, Reply, Request

LOG_LINES = 12
"""So many last lines of a process explain why it failed."""

LOG_BYTES = 1 << 16
CHUNK = 1 << 16
_DECODER = msgspec.json.Decoder(Reply)


class WorkerError(Exception):
    """The process cannot go on.

    Args:
        reason: one line.
        log: the last lines that it said.
    """

    def __init__(self, reason: str, log: str) -> None:
        super().__init__(reason)
        self.reason, self.log = reason, log


class Worker:
    """A process that measures one configuration; a context manager that leaves nothing behind.

    Args:
        environment: variables besides this process's own.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        # A session of its own: Ctrl-C in the terminal reaches the parent alone, which then ends every process and
        # what they started.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "edgedepth.bench.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            bufsize=0,
            start_new_session=True,
            env={**os.environ, **environment},
        )
        self._buffer = b""

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def ask(self, request: Request, seconds: float) -> Reply:
        """Send one request and wait for its reply.

        Args:
            request: what to do.
            seconds: how long to wait at most.

        Raises:
            WorkerError: it said that it cannot, died, or did not answer in time.
        """
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        try:
            self._process.stdin.write(msgspec.json.encode(request) + b"\n")
        except BrokenPipeError as error:
            raise self._died() from error
        reply: Reply = _DECODER.decode(self._line(seconds))
        if isinstance(reply, Failed):
            raise WorkerError(" ".join(line for line in (reply.cause, reply.evidence) if line), self.log())
        return reply

    def end(self, request: Request, seconds: float) -> Ended | None:
        """The last facts; None where the process cannot tell them any more."""
        try:
            reply = self.ask(request, seconds)
        except WorkerError:
            return None
        return reply if isinstance(reply, Ended) else None

    def log(self, lines: int | None = LOG_LINES) -> str:
        """The last lines that it said on standard output or standard error; None for all but the oldest."""
        size = os.fstat(self._log.fileno()).st_size
        raw = os.pread(self._log.fileno(), LOG_BYTES, max(size - LOG_BYTES, 0))
        return "\n".join(raw.decode(errors="replace").splitlines()[-(lines or 0) :])

    def kill(self) -> None:
        """End it and whatever it started, at once."""
        with suppress(ProcessLookupError):  # it may be gone already
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._log):
            assert pipe is not None  # noqa: S101 - all three were made
            pipe.close()

    def _line(self, seconds: float) -> bytes:
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        poller, deadline = select.poll(), time.monotonic() + seconds
        poller.register(self._process.stdout, select.POLLIN)
        while b"\n" not in self._buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not poller.poll(1e3 * left):
                raise WorkerError(f"no answer within {seconds:.0f} s", self.log())
            chunk = self._process.stdout.read(CHUNK)
            if not chunk:
                raise self._died()
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def _died(self) -> WorkerError:
        code = self._process.wait()
        if code >= 0:
            return WorkerError(f"its process ended with code {code}", self.log())
        hint = ", as when memory runs out" if -code == signal.SIGKILL else ""
        return WorkerError(f"its process was killed by {signal.Signals(-code).name}{hint}", self.log())
