"""The seven standard depth metrics (Eigen, Puhrsch and Fergus, "Depth Map Prediction", 2014)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

MIN_DEPTH = 1e-3
MAX_DEPTH = 80.0


@dataclass(frozen=True)
class DepthMetrics:
    """Errors (lower is better) and accuracies (higher is better) of one frame, or their mean over frames.

    Attributes:
        abs_rel: mean of ``|p - g| / g``.
        sq_rel: mean of ``(p - g)^2 / g``, metres.
        rmse: root of the mean of ``(p - g)^2``, metres.
        rmse_log: root of the mean of ``(ln p - ln g)^2``.
        delta1, delta2, delta3: share of pixels where ``max(p/g, g/p)`` is below 1.25, 1.25^2 and 1.25^3.
    """

    abs_rel: float
    sq_rel: float
    rmse: float
    rmse_log: float
    delta1: float
    delta2: float
    delta3: float

    def as_dict(self) -> dict[str, float]:
        """By name, in the order in which papers print them."""
        return {field.name: float(getattr(self, field.name)) for field in fields(self)}


def valid_mask(
    truth: NDArray[np.float32] | NDArray[np.float64],
    min_depth: float = MIN_DEPTH,
    max_depth: float = MAX_DEPTH,
) -> NDArray[np.bool_]:
    """Where ground truth counts: measured, finite, and strictly within the depth range in metres."""
    mask: NDArray[np.bool_] = np.isfinite(truth) & (truth > min_depth) & (truth < max_depth)
    return mask


def depth_metrics(predicted: NDArray[np.float64], truth: NDArray[np.float64]) -> DepthMetrics:
    """The seven metrics over matched, valid depths.

    Args:
        predicted: (N,) metres, positive; already masked, aligned and clamped.
        truth: (N,) metres, positive.

    Raises:
        ValueError: no pixels, different shapes, or a depth that is not positive.
    """
    p, g = np.asarray(predicted, np.float64), np.asarray(truth, np.float64)
    if p.shape != g.shape or p.size == 0:
        raise ValueError(f"metrics need matching, non-empty depths; got shapes {p.shape} and {g.shape}")
    if not (np.all(p > 0) and np.all(g > 0)):
        raise ValueError("metrics need positive depths; mask invalid pixels first")
    error, ratio = p - g, np.maximum(p / g, g / p)
    return DepthMetrics(
        abs_rel=float(np.mean(np.abs(error) / g)),
        sq_rel=float(np.mean(error**2 / g)),
        rmse=float(np.sqrt(np.mean(error**2))),
        rmse_log=float(np.sqrt(np.mean((np.log(p) - np.log(g)) ** 2))),
        delta1=float(np.mean(ratio < 1.25)),
        delta2=float(np.mean(ratio < 1.25**2)),
        delta3=float(np.mean(ratio < 1.25**3)),
    )


def mean_metrics(per_frame: Sequence[DepthMetrics]) -> DepthMetrics:
    """The mean over frames, each frame counting once however many pixels it has.

    Raises:
        ValueError: no frames.
    """
    if not per_frame:
        raise ValueError("the mean of no frames is undefined")
    return DepthMetrics(
        **{f.name: float(np.mean([getattr(m, f.name) for m in per_frame])) for f in fields(DepthMetrics)}
    )
