"""From the separate invocations of a benchmark program to one result."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import msgspec
import numpy as np

from edgedepth.bench.journal import Part
from edgedepth.bench.schema import Latency, Memory, Phases
from edgedepth.bench.statistics import latency_of


def phases_of(parts: Sequence[Part]) -> Phases:
    """Medians over the invocations: each of them starts anew."""
    return Phases(
        init_ms=_median([part.phases.init_ms for part in parts]),
        first_ms=_median([part.phases.first_ms for part in parts]),
        warmup_ms=_median([part.phases.warmup_ms for part in parts]),
        warmup_runs=sum(part.phases.warmup_runs or 0 for part in parts) or None,
    )


def latency_of_parts(parts: Sequence[Part]) -> Latency:
    """All timed runs together.

    With raw samples everything is computed from them. Without, counts add up, mean and standard deviation are those
    of the union, minimum and maximum its extremes, and a percentile is the median of the invocations' percentiles:
    the union's own cannot be known.

    Raises:
        ValueError: no part.
    """
    if not parts:
        raise ValueError("there is no invocation to combine")
    every = [part.latency for part in parts]
    centres = [latency.centre or 0.0 for latency in every] if len(every) > 1 else []
    seconds = _total([latency.seconds for latency in every])
    if all(latency.samples_ms for latency in every):
        whole = latency_of([sample for latency in every for sample in latency.samples_ms], seconds)
        return msgspec.structs.replace(whole, parts_ms=centres)
    if len(every) == 1:
        return every[0]
    count = sum(latency.count for latency in every)
    mean = _weighted_mean(every, count)
    return Latency(
        samples_ms=[],
        count=count,
        seconds=seconds,
        mean=mean,
        std=_union_std(every, mean, count),
        minimum=_extreme([latency.minimum for latency in every], min),
        p5=_median([latency.p5 for latency in every]),
        median=_median([latency.median for latency in every]),
        p90=_median([latency.p90 for latency in every]),
        p95=_median([latency.p95 for latency in every]),
        p99=_median([latency.p99 for latency in every]),
        maximum=_extreme([latency.maximum for latency in every], max),
        parts_ms=centres,
    )


def memory_of(parts: Sequence[Part]) -> Memory | None:
    """The invocation that took the most."""
    told = [part.memory for part in parts if part.memory is not None]
    return max(told, key=lambda memory: memory.peak_mb, default=None)


def fully_accelerated(parts: Sequence[Part]) -> bool | None:
    """Whether every invocation was; None where one did not tell and none said no."""
    told = [part.fully_accelerated for part in parts]
    if False in told:
        return False
    return None if None in told else True


def _median(values: Sequence[float | None]) -> float | None:
    told = [value for value in values if value is not None]
    return float(np.median(told)) if told and len(told) == len(values) else None


def _total(values: Sequence[float | None]) -> float | None:
    told = [value for value in values if value is not None]
    return sum(told) if len(told) == len(values) else None


def _extreme(values: Sequence[float | None], pick: Callable[[list[float]], float]) -> float | None:
    told = [value for value in values if value is not None]
    return pick(told) if len(told) == len(values) else None


def _weighted_mean(every: Sequence[Latency], count: int) -> float | None:
    if any(latency.mean is None for latency in every):
        return None
    return sum(latency.count * (latency.mean or 0.0) for latency in every) / count


def _union_std(every: Sequence[Latency], mean: float | None, count: int) -> float | None:
    if mean is None or count < 2 or any(latency.std is None for latency in every):
        return None
    # Squares within the parts and between them; each part's std counts its runs less one.
    squares = sum(
        (latency.count - 1) * (latency.std or 0.0) ** 2 + latency.count * ((latency.mean or 0.0) - mean) ** 2
        for latency in every
    )
    return math.sqrt(squares / (count - 1))
