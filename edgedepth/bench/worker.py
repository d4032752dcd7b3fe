"""The process that opens and times one configuration: ``python -m edgedepth.bench.worker``.

Requests come as JSON lines on standard input, replies go as JSON lines to what was standard output
(`edgedepth.bench.job`). Between requests it waits in a read and costs the configurations beside it nothing. It ends
with its parent: when standard input closes, even in the middle of a run.
"""

from __future__ import annotations

import gc
import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING

import msgspec

from edgedepth.bench.job import Ended, Failed, Job, Open, Ready, Reply, Request, Time, Times, cores_of
from edgedepth.errors import EdgedepthError
from edgedepth.memory import peak_memory

if TYPE_CHECKING:
    from edgedepth.bench.backends import Backend

STATUS = Path("/proc/self/status")
CLEAR_REFS = Path("/proc/self/clear_refs")
RESET_PEAK = "5"
"""Written to `CLEAR_REFS`, it sets the highest resident size back to the present one (Linux, proc(5))."""


def main() -> None:
    """Serve one parent until it says that it has enough or goes away."""
    requests, replies = _private_channels()
    decoder, encoder = msgspec.json.Decoder(Request), msgspec.json.Encoder()

    def answer(reply: Reply) -> None:
        replies.write(encoder.encode(reply) + b"\n")

    opened = decoder.decode(requests.readline())
    if not isinstance(opened, Open):
        raise TypeError(f"the first request is {opened}, not to open a configuration")
    job = opened.job
    if job.affinity:
        os.sched_setaffinity(0, cores_of(job.affinity))  # before any library starts its threads
    inbox: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(requests, inbox.put), daemon=True).start()
    try:
        backend, ready = _open(job)
        answer(ready)
        while isinstance(request := decoder.decode(inbox.get()), Time):
            answer(_timed(backend.run, request.runs))
        answer(_ended(backend))
    except EdgedepthError as error:
        answer(Failed(error.cause, error.evidence, error.remedy))
    except Exception as error:  # a runtime's own kind; what else it said is in the log
        said = next(iter(str(error).splitlines()), "It gave no reason.")
        answer(Failed(f"{job.runtime} failed.", f"{type(error).__name__}: {said}"[:300], ""))
    sys.stdout.flush()


def _private_channels() -> tuple[IO[bytes], IO[bytes]]:
    """The pipes under numbers that no library writes to: what native code prints on 1 goes to standard error."""
    requests = os.fdopen(os.dup(0), "rb")
    replies = os.fdopen(os.dup(1), "wb", buffering=0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return requests, replies


def _read(requests: IO[bytes], put: Callable[[bytes], None]) -> None:
    while line := requests.readline():
        put(line)
    os._exit(0)  # the parent is gone: nobody waits for the run that may be going on


def _open(job: Job) -> tuple[Backend, Ready]:
    """Open, run once, warm up: each timed apart."""
    from edgedepth.bench.backends import backend  # noqa: PLC0415 - after the affinity, which its threads inherit

    made = backend(job)
    before = _resident("VmRSS")
    _reset_peak()
    with made.explained():
        start = time.perf_counter_ns()
        made.open()
        opened = time.perf_counter_ns()
        made.feed()
        fed = time.perf_counter_ns()
        made.run()
        first = time.perf_counter_ns()
    placement = made.placement()
    gc.collect()
    gc.disable()
    runs, seconds = _warm_up(made.run, job)
    return made, Ready(
        init_ms=(opened - start) / 1e6,
        first_ms=(first - fed) / 1e6,
        warmup_ms=1e3 * seconds / runs if runs else None,
        warmup_runs=runs,
        version=made.version,
        before_mb=before,
        gpu=placement.gpu,
        fully_accelerated=placement.fully_accelerated,
    )


def _warm_up(run: Callable[[], object], job: Job) -> tuple[int, float]:
    start, runs = time.perf_counter(), 0
    while runs < job.warmup_runs or time.perf_counter() - start < job.warmup_seconds:
        run()
        runs += 1
    return runs, time.perf_counter() - start


def _timed(run: Callable[[], object], runs: int) -> Times:
    # In use a network runs many times in a row: caches hold its own weights, not those of whoever ran before.
    run()
    samples = []
    for _ in range(runs):
        start = time.perf_counter_ns()
        run()
        samples.append((time.perf_counter_ns() - start) / 1e6)
    return Times(samples)


def _ended(backend: Backend) -> Ended:
    peak, method = _peak()
    found = backend.delegation()
    if found is None:
        return Ended(peak_mb=peak, memory_method=method)
    return Ended(
        peak_mb=peak,
        memory_method=method,
        delegated=found.delegated,
        nodes=found.nodes,
        partitions=found.partitions,
    )


def _peak() -> tuple[float, str]:
    """MB and how they were found."""
    peak = _resident("VmHWM")
    if peak is not None:
        return peak, "VmHWM of /proc/self/status, from just before the model was opened"
    return peak_memory() / 1e6, "ru_maxrss of the whole process"


def _resident(name: str) -> float | None:
    """A line of the process's status in MB; None where the system has no such file."""
    if not STATUS.is_file():
        return None
    for line in STATUS.read_text().splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return int(value.split()[0]) * 1024 / 1e6
    return None


def _reset_peak() -> None:
    """Leave out what imports needed for a moment; where the system refuses, the peak holds it."""
    if os.access(CLEAR_REFS, os.W_OK):
        CLEAR_REFS.write_text(RESET_PEAK)


if __name__ == "__main__":
    main()
