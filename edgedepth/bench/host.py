"""Timing files beside each other on this machine, in shuffled rounds."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from edgedepth.artifact import sha256
from edgedepth.bench.floor import MACS as FLOOR_MACS
from edgedepth.bench.floor import floor_runner
from edgedepth.bench.machine import cpu_name, usable_cores
from edgedepth.bench.runner import Runner, open_runner
from edgedepth.bench.statistics import Ratio, Summary, ratio_of_medians, summarize

Progress = Callable[[int, int], None]
"""Called with rounds done and rounds planned; the plan may grow while a time has to be filled."""


@dataclass(frozen=True)
class Plan:
    """How long to measure.

    Attributes:
        rounds: at least this many; every runner is timed once per round.
        seconds: at least this long, all runners together.
        warmup_runs, warmup_seconds: at least that much per runner before the first round.
        seed: of the order within rounds and of the inputs.
    """

    rounds: int = 30
    seconds: float = 0.0
    warmup_runs: int = 3
    warmup_seconds: float = 0.5
    seed: int = 0


class FloorRow(msgspec.Struct, frozen=True):
    """What a runtime reaches on plain large convolutions.

    Attributes:
        gmacs_per_second: 1e9 multiply-adds per second at the median.
        samples_ms: of the floor's own graph, one per round.
    """

    family: str
    runtime: str
    graph: str
    macs: int
    gmacs_per_second: float
    summary: Summary
    samples_ms: list[float]


class HostRow(msgspec.Struct, frozen=True):
    """One file's times.

    Attributes:
        sha256: of the file.
        samples_ms: one per round, in the order of the rounds.
        to_first: this median over the first file's.
        macs: multiply-adds that the floor is scaled to; None without a floor.
        floor_ms: what they take at the floor's speed.
        to_floor: this median over `floor_ms`.
    """

    file: str
    sha256: str
    family: str
    runtime: str
    threads: int
    samples_ms: list[float]
    summary: Summary
    to_first: Ratio
    macs: int | None = None
    floor_ms: float | None = None
    to_floor: Ratio | None = None


class HostReport(msgspec.Struct, frozen=True):
    """One interleaved measurement."""

    cpu: str
    cores: int
    plan: Plan
    rows: list[HostRow]
    floors: list[FloorRow]


def measure(runners: Sequence[Runner], plan: Plan, progress: Progress | None = None) -> list[list[float]]:
    """Time every runner once per round, in an order that is shuffled anew each round.

    Each timed run follows an untimed one of the same runner: in use a network runs many times in a row, so
    caches hold its own weights, not another's.

    Returns:
        Milliseconds per runner and round, aligned over the runners.
    """
    for runner in runners:
        _warm_up(runner, plan)
    samples: list[list[float]] = [[] for _ in runners]
    rng = np.random.default_rng(plan.seed)
    start, done = time.perf_counter(), 0
    collecting = gc.isenabled()
    gc.disable()
    try:
        while done < plan.rounds or time.perf_counter() - start < plan.seconds:
            for index in rng.permutation(len(runners)):
                samples[index].append(_timed(runners[index]))
            done += 1
            if progress is not None:
                progress(done, _planned(plan, done, time.perf_counter() - start))
    finally:
        if collecting:
            gc.enable()
    return samples


def _warm_up(runner: Runner, plan: Plan) -> None:
    start, runs = time.perf_counter(), 0
    while runs < plan.warmup_runs or time.perf_counter() - start < plan.warmup_seconds:
        runner.run()
        runs += 1


def _timed(runner: Runner) -> float:
    runner.run()
    start = time.perf_counter_ns()
    runner.run()
    return (time.perf_counter_ns() - start) / 1e6


def _planned(plan: Plan, done: int, elapsed: float) -> int:
    by_time = round(done * plan.seconds / elapsed) if elapsed > 0 else 0
    return max(plan.rounds, by_time, done)


def bench_files(
    files: Sequence[Path],
    threads: int,
    plan: Plan,
    *,
    floor: bool = False,
    macs: int | None = None,
    progress: Progress | None = None,
) -> HostReport:
    """Measure files beside each other, and beside plain convolutions where asked.

    Args:
        files: .tflite or .onnx files; the first is what the others are compared with.
        threads: for every runtime.
        plan: how long.
        floor: also measure each runtime's floor and scale it to each file's multiply-adds.
        macs: multiply-adds of every file, instead of counting them in the file.
        progress: called after each round.

    Raises:
        InputError: a file is damaged, or its input has no fixed size.
        OperatorError: a runtime refuses a file.
    """
    counts = [_macs(file, macs) if floor else None for file in files]
    runners = [open_runner(file, threads, plan.seed) for file in files]
    families = list(dict.fromkeys(runner.family for runner in runners)) if floor else []
    floors = {family: floor_runner(family, threads) for family in families}
    samples = measure([*runners, *floors.values()], plan, progress)
    floor_samples = dict(zip(floors, samples[len(runners) :], strict=True))
    rows = [
        HostRow(
            str(file),
            sha256(file),
            runner.family,
            runner.runtime,
            threads,
            own,
            summarize(own),
            ratio_of_medians(own, samples[0]),
            **_against_floor(own, floor_samples.get(runner.family), count),
        )
        for file, runner, own, count in zip(files, runners, samples, counts, strict=False)
    ]
    floor_rows = [_floor_row(floors[family], floor_samples[family]) for family in families]
    return HostReport(cpu_name(), usable_cores(), plan, rows, floor_rows)


def _against_floor(own: list[float], floor: list[float] | None, macs: int | None) -> dict[str, Any]:
    if floor is None or not macs:
        return {}
    scaled = [sample * macs / FLOOR_MACS for sample in floor]
    return {"macs": macs, "floor_ms": summarize(scaled).median, "to_floor": ratio_of_medians(own, scaled)}


def _floor_row(runner: Runner, samples: list[float]) -> FloorRow:
    summary = summarize(samples)
    speed = FLOOR_MACS / summary.median / 1e6
    return FloorRow(runner.family, runner.runtime, runner.name, FLOOR_MACS, speed, summary, samples)


def _macs(file: Path, stated: int | None) -> int:
    if stated is not None:
        return stated
    if file.suffix == ".onnx":
        from edgedepth.artifact.onnx_graph import read_onnx  # noqa: PLC0415 - only for such files

        return read_onnx(file).macs()
    from edgedepth.artifact.tflite_graph import read_tflite  # noqa: PLC0415 - only for such files

    return read_tflite(file).macs()
