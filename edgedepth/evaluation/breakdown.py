"""Metrics of parts of the pictures: by depth range, and of what moves and what stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from edgedepth.evaluation.comparison import Comparison
from edgedepth.evaluation.metrics import DepthMetrics, depth_metrics

MOVING, STATIC = "moving", "static"
_ROOTS = ("rmse", "rmse_log")


@dataclass(frozen=True)
class Part:
    """Metrics over some of the pixels, and how many these are."""

    pixels: int
    metrics: DepthMetrics


def parts_of(frame: Comparison, ranges: tuple[float, ...]) -> dict[str, Part]:
    """Every part of a frame that has pixels, measured with the whole frame's alignment.

    Args:
        frame: aligned.
        ranges: borders in metres; a range holds its lower border, not its upper one, and goes by ground truth.
    """
    predicted, truth = frame.predicted, frame.truth
    chosen = {range_name(near, far): (truth >= near) & (truth < far) for near, far in pairwise(ranges)}
    if frame.sample.moving is not None:
        moves: NDArray[np.bool_] = frame.sample.moving[frame.mask]
        chosen |= {MOVING: moves, STATIC: ~moves}
    return {
        name: Part(int(inside.sum()), depth_metrics(predicted[inside], truth[inside]))
        for name, inside in chosen.items()
        if inside.any()
    }


def range_name(near: float, far: float) -> str:
    """What a depth range is called, such as ``10-20 m``."""
    return f"{near:g}-{far:g} m"


def pooled(frames: Iterable[Mapping[str, Part]], ranges: tuple[float, ...]) -> dict[str, Part]:
    """Each part over all frames, every pixel counting once; ranges from near to far, then what moves and stands.

    A frame can hold a few pixels of a part, so that a mean over frames would be noise. Root means are pooled as
    means of squares.
    """
    collected: dict[str, list[Part]] = {}
    for frame in frames:
        for name, part in frame.items():
            collected.setdefault(name, []).append(part)
    order = (*(range_name(near, far) for near, far in pairwise(ranges)), MOVING, STATIC)
    return {name: _pool(collected[name]) for name in order if name in collected}


def _pool(parts: list[Part]) -> Part:
    weights = np.array([part.pixels for part in parts], dtype=np.float64)
    means = {}
    for field in fields(DepthMetrics):
        power = 2 if field.name in _ROOTS else 1
        values = np.array([getattr(part.metrics, field.name) for part in parts]) ** power
        means[field.name] = float(np.average(values, weights=weights) ** (1 / power))
    return Part(int(weights.sum()), DepthMetrics(**means))
