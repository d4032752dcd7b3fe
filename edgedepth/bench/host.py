"""Measuring on this machine: a matrix in rounds, its results as records, what a kill interrupted taken up again."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from time import monotonic

from msgspec.structs import replace

from edgedepth import __version__
from edgedepth.bench.backends.environment import environment
from edgedepth.bench.floor import GRAPH as FLOOR_GRAPH
from edgedepth.bench.floor import MACS as FLOOR_MACS
from edgedepth.bench.job import Job
from edgedepth.bench.journal import Journal, Round
from edgedepth.bench.local_device import local_device, local_reading
from edgedepth.bench.machine import usable_cores
from edgedepth.bench.matrix import Configuration
from edgedepth.bench.protocol import Lane, Progress, measure
from edgedepth.bench.schema import (
    SCHEMA_VERSION,
    Caution,
    Conditions,
    Floor,
    Memory,
    Phases,
    Place,
    Plan,
    Reading,
    Record,
    Runtime,
    configuration,
    key,
)
from edgedepth.bench.statistics import latency_of, ratio_of_medians, summarize
from edgedepth.bench.validity import judged, suffices
from edgedepth.errors import EdgedepthError

_ADAPTER = re.compile(r"Selected adapter: (?P<name>.+?), arch=.*adapterType=(?P<type>.+)")
_SOFTWARE = "software"

BUSY = 0.75
"""Load per core from which a reader is warned."""


@dataclass(frozen=True)
class Measured:
    """What came of a matrix.

    Attributes:
        records: one per configuration, in the order asked, those of an earlier command included.
        skipped: how many of them an earlier command had measured validly.
        taken_up: rounds of an earlier sitting that count.
    """

    records: list[Record]
    skipped: int
    taken_up: int


def bench_host(
    asked: Sequence[Configuration],
    plan: Plan,
    *,
    floor: bool = False,
    journal: Journal | None = None,
    reproduce: str = "",
    progress: Progress | None = None,
) -> Measured:
    """Measure configurations beside each other, and beside plain convolutions where asked.

    Args:
        asked: what; equal ones are measured once.
        plan: how long.
        floor: also time each runtime's floor in the same rounds.
        journal: an open one, to which rounds and records are appended as they come; what it already holds is not
            measured again.
        reproduce: the command that measures the same again.
        progress: called after each round.

    Raises:
        OutputError: the journal cannot be written.
    """
    before = {} if journal is None else {record.key: record for record in journal.records}
    rows = {row_key(one): one for one in asked}
    pending = {name: one for name, one in rows.items() if not suffices(before.get(name), plan, floor=floor)}
    earlier: list[Round] = []
    made: list[Record] = []
    if pending:
        matrix = _identity(
            [*pending, *_floors(pending, wanted=floor)], [before[n] for n in pending if n in before], plan
        )
        earlier = [] if journal is None else journal.rounds(matrix)
        append: Callable[[Round], object] | None = None if journal is None else journal.append
        made = _measured(pending, plan, matrix, earlier, append, reproduce, progress, floor=floor)
        if journal is not None:
            for record in made:
                journal.append(record)
    found = before | {record.key: record for record in made}
    taken_up = sum(1 for one in earlier if one.samples_ms)
    return Measured([found[name] for name in rows], len(rows) - len(pending), taken_up)


def row_key(one: Configuration) -> str:
    """The key that its record will have."""
    return key(one.subject, local_device(_place(one.runtime)), one.runtime)


def _place(runtime: Runtime) -> Place:
    return "host" if runtime.accelerator == "cpu" else "gpu"


def _floors(rows: Mapping[str, Configuration], *, wanted: bool) -> dict[str, Configuration]:
    """One floor per way to run something."""
    return {_floor_key(one): one for one in rows.values()} if wanted else {}


def _floor_key(one: Configuration) -> str:
    return f"floor|{one.job.batch}|{configuration(one.runtime)}"


def _identity(keys: Sequence[str], failed: Sequence[Record], plan: Plan) -> str:
    """Equal for the same configurations and seed; another one once invalid results have been written."""
    content = json.dumps([sorted(keys), plan.seed, sorted(f"{one.key} {one.matrix}" for one in failed)])
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _measured(
    rows: Mapping[str, Configuration],
    plan: Plan,
    matrix: str,
    earlier: Sequence[Round],
    append: Callable[[Round], object] | None,
    reproduce: str,
    progress: Progress | None,
    *,
    floor: bool,
) -> list[Record]:
    floors = _floors(rows, wanted=floor)
    lanes = {name: _lane(one.job) for name, one in rows.items()}
    lanes |= {name: _lane(one.floor) for name, one in floors.items()}
    load = os.getloadavg()[0]
    started, start = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"), monotonic()
    readings = [local_reading(0.0)]
    sittings = measure(lanes, plan, matrix, earlier, append, progress)
    readings.append(local_reading(monotonic() - start))
    told = [reading for reading in readings if reading != Reading(at_s=reading.at_s)]
    sitting = _Sitting(matrix, started, sittings, plan, Conditions(readings=tuple(told)), reproduce, load)
    return [_record(one, lanes[name], lanes.get(_floor_key(one)), sitting) for name, one in rows.items()]


def _lane(job: Job) -> Lane:
    try:
        return Lane(job, environment(job))
    except EdgedepthError as error:
        return Lane(job, reason=" ".join(line for line in (error.cause, error.evidence, error.remedy) if line))


@dataclass(frozen=True)
class _Sitting:
    """What the records of one matrix share.

    Attributes:
        sittings: in how many it was measured.
        load: processes that wanted to run in the minute before, on average.
    """

    matrix: str
    started: str
    sittings: int
    plan: Plan
    conditions: Conditions
    reproduce: str
    load: float


def _record(one: Configuration, lane: Lane, floor: Lane | None, sitting: _Sitting) -> Record:
    ready, ended = lane.ready, lane.ended
    gpu = _gpu(lane)
    timed = lane.samples_ms and lane.reason is None
    runtime = one.runtime
    if ready is not None:
        runtime = replace(runtime, version=ready.version, fully_accelerated=ready.fully_accelerated)
    if ended is not None:
        runtime = replace(runtime, delegated=ended.delegated, nodes=ended.nodes, partitions=ended.partitions)
    return judged(
        Record(
            schema_version=SCHEMA_VERSION,
            edgedepth=__version__,
            matrix=sitting.matrix,
            started=sitting.started,
            subject=one.subject,
            device=local_device(_place(one.runtime), gpu),
            runtime=runtime,
            plan=sitting.plan,
            phases=Phases()
            if ready is None
            else Phases(
                init_ms=ready.init_ms,
                first_ms=ready.first_ms,
                warmup_ms=ready.warmup_ms,
                warmup_runs=ready.warmup_runs,
            ),
            latency=latency_of(_in_order(lane), lane.timed_s) if timed else None,
            conditions=sitting.conditions,
            memory=None
            if ended is None
            else Memory(
                peak_mb=ended.peak_mb, before_mb=ready.before_mb if ready else None, method=ended.memory_method
            ),
            floor=_floor(one, lane, floor) if timed and floor else None,
            invalid_reasons=tuple(_reasons(lane)),
            warnings=tuple(_cautions(one, gpu, floor, sitting)),
            reproduce=sitting.reproduce,
            log=lane.log if lane.reason is not None else "",
        )
    )


def _reasons(lane: Lane) -> Iterator[str]:
    if lane.reason is None:
        return
    yield lane.reason
    if lane.job.runtime == "litert" and lane.job.accelerator == "gpu":
        from edgedepth.preflight.gpu import refusals  # noqa: PLC0415 - only where the accelerator refused

        for refusal in refusals(lane.opening):
            yield f"the GPU accelerator refuses {refusal.kind}: {refusal.reason}"


def _in_order(lane: Lane) -> list[float]:
    return [lane.samples_ms[number] for number in sorted(lane.samples_ms)]


def _gpu(lane: Lane) -> str:
    """Name and kind of the GPU; LiteRT tells its adapter in its log only."""
    if lane.ready is None or lane.job.accelerator == "cpu":
        return ""
    adapter = _ADAPTER.search(lane.opening)
    return lane.ready.gpu or (f"{adapter['name']} ({adapter['type'].strip()})" if adapter else "unknown GPU")


def _floor(one: Configuration, lane: Lane, floor: Lane) -> Floor | None:
    """From the rounds in which both were timed."""
    macs = one.subject.macs
    both = sorted(lane.samples_ms.keys() & floor.samples_ms.keys())
    if not macs or not both:
        return None
    scale = macs / (FLOOR_MACS * one.job.batch)
    scaled = [scale * floor.samples_ms[number] for number in both]
    ratio = ratio_of_medians([lane.samples_ms[number] for number in both], scaled)
    ms = summarize(scaled).median
    return Floor(
        graph=FLOOR_GRAPH,
        macs=macs,
        ms=ms,
        gmacs_per_second=macs / ms / 1e6,
        ratio=ratio.value,
        ratio_low=ratio.low,
        ratio_high=ratio.high,
    )


def _cautions(one: Configuration, gpu: str, floor: Lane | None, sitting: _Sitting) -> Iterator[Caution]:
    if sitting.sittings > 1:
        yield Caution(
            what=f"It was measured in {sitting.sittings} sittings; opening, first inference and memory are the last's.",
            remedy="Measure again with --fresh for one that nothing interrupted.",
        )
    if sitting.load > BUSY * usable_cores():
        yield Caution(
            what=f"The machine was busy: a load of {sitting.load:.1f} on {usable_cores()} cores before it began.",
            remedy="Close other programs and measure again.",
        )
    if _SOFTWARE in gpu.lower():
        yield Caution(
            what="The GPU's driver computes on the CPU.",
            remedy="It shows that the accelerator takes the graph; measure speed on a machine or phone with a GPU.",
        )
    if floor is not None and not floor.samples_ms:
        yield Caution(
            what=f"The floor could not be measured: {floor.reason or 'it was never timed'}.",
            remedy="Leave --floor out for this runtime.",
        )
    if floor is not None and one.subject.macs is None:
        yield Caution(
            what="There is no floor: the multiply-adds of this graph cannot be counted.",
            remedy="State the count with --macs.",
        )
