"""Several devices at once: one worker per device, one journal, one list of results."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace

from edgedepth.bench.device.adb import Adb
from edgedepth.bench.device.conditions import fixed_performance
from edgedepth.bench.device.matrix import Case, Matrix, Settings
from edgedepth.bench.device.session import MeasurementStoppedError, Session
from edgedepth.bench.journal import Journal
from edgedepth.bench.profile import Profile
from edgedepth.bench.schema import Device, Record
from edgedepth.errors import EdgedepthError


@dataclass(frozen=True)
class Job:
    """What one device has to do."""

    adb: Adb
    device: Device
    cases: Sequence[Case]


@dataclass(frozen=True)
class Outcome:
    """What came of all jobs.

    Attributes:
        records: of this run, in the order of the jobs.
        skipped: configurations that had a valid result before.
        left_behind: folders that could not be removed, as ``SERIAL: FOLDER``.
        errors: by serial, of devices that could not be measured at all.
        profiles: where they were asked for.
    """

    records: list[Record] = field(default_factory=list)
    skipped: int = 0
    left_behind: list[str] = field(default_factory=list)
    errors: dict[str, EdgedepthError] = field(default_factory=dict)
    profiles: list[Profile] = field(default_factory=list)


def measure(
    jobs: Sequence[Job], settings: Settings, journal: Journal, say: Callable[[str], None], *, keep: bool = False
) -> Outcome:
    """Run every job on its own device, all at the same time.

    Raises:
        KeyboardInterrupt: after every device was cleaned up; what was done is in the journal.
    """
    stop = threading.Event()
    outcome = Outcome()
    with ThreadPoolExecutor(max_workers=max(1, len(jobs)), thread_name_prefix="device") as pool:
        futures = [pool.submit(_one, job, settings, journal, say, stop, keep) for job in jobs]
        try:
            while wait(futures, timeout=0.2).not_done:
                pass
        except KeyboardInterrupt:
            stop.set()
            wait(futures)
            raise
    for job, future in zip(jobs, futures, strict=True):
        outcome = _with(outcome, job, future)
    return outcome


def _one(
    job: Job,
    settings: Settings,
    journal: Journal,
    say: Callable[[str], None],
    stop: threading.Event,
    keep: bool,
) -> Outcome:
    matrix = Matrix(job.device, job.cases, settings, journal, say)
    outcome = Outcome(skipped=len(matrix.skipped))
    if not matrix.left:
        return outcome
    pinned = fixed_performance(job.adb) if settings.fixed_performance else nullcontext()
    session = Session(job.adb, secrets.token_hex(6), keep=keep, stopped=stop.is_set)
    with suppress(MeasurementStoppedError), pinned, session:
        outcome.records.extend(matrix.run(session))
        if settings.profile:
            outcome.profiles.extend(matrix.profile(session))
    if session.left_behind:
        outcome.left_behind.append(f"{job.adb.serial}: {session.left_behind}")
    return outcome


def _with(outcome: Outcome, job: Job, future: Future[Outcome]) -> Outcome:
    try:
        own = future.result()
    except EdgedepthError as error:
        return replace(outcome, errors={**outcome.errors, job.adb.serial or job.device.name: error})
    return Outcome(
        outcome.records + own.records,
        outcome.skipped + own.skipped,
        outcome.left_behind + own.left_behind,
        outcome.errors,
        outcome.profiles + own.profiles,
    )
