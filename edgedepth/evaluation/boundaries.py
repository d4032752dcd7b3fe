"""How well the borders of things are kept: boundary F1 and soft edge error. Both need dense ground truth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# A border is where depth jumps by this ratio between two neighbouring pixels; F1 is a mean over the jumps' sizes.
RATIOS = tuple(float(ratio) for ratio in np.linspace(1.05, 1.25, 10))
# Soft edge error looks at the clear borders only: near the horizon the road itself changes by some per cent a row.
EDGE_RATIO = 1.25


@dataclass(frozen=True)
class EdgeScores:
    """Of one frame, or the mean over frames.

    Attributes:
        f1: boundary F1 in 0..1, higher is better.
        soft_error: soft edge error, relative like AbsRel, lower is better.
    """

    f1: float
    soft_error: float


def edge_scores(
    predicted: NDArray[np.float64], truth: NDArray[np.float64], mask: NDArray[np.bool_]
) -> EdgeScores | None:
    """Both scores of a frame; None where its ground truth has no border of `EDGE_RATIO`.

    Args:
        predicted: (H, W) metres, positive, aligned.
        truth: (H, W) metres, positive inside the mask.
        mask: (H, W) bool, the pixels that count; gaps in it hide borders, so it should be nearly full.
    """
    soft = soft_edge_error(predicted, truth, mask)
    return None if soft is None else EdgeScores(boundary_f1(predicted, truth, mask), soft)


def boundary_f1(predicted: NDArray[np.float64], truth: NDArray[np.float64], mask: NDArray[np.bool_]) -> float:
    """Agreement on where depth jumps, and in which direction, whatever the scale of the prediction.

    After Bochkovskii et al., "Depth Pro", 2024, section on boundary metrics. Of every two pixels i, j that are
    neighbours in a row or a column, both in the mask, map d has a border from i to j at ratio r where
    ``d(j) / d(i) > r``. With the pairs counted over the frame, both orders of each::

        F1(r) = 2 * #(borders of both) / (#(borders of the prediction) + #(borders of the truth))

    The result is the mean of F1(r) over the ten ratios of `RATIOS`, weighted by r. Ratios at which neither map has a
    border are left out; without any, there is nothing to miss and the result is 1. The prediction is taken at the
    truth's size: a border that interpolation spreads over two pixels is found at small ratios only.
    """
    pairs = [(_jumps(predicted, axis), _jumps(truth, axis), _both(mask, axis)) for axis in (0, 1)]
    p = np.concatenate([jump[both] for jump, _, both in pairs])
    g = np.concatenate([jump[both] for _, jump, both in pairs])
    scores, weights = [], []
    for ratio in RATIOS:
        limit = np.log(ratio)
        found, real = np.abs(p) > limit, np.abs(g) > limit
        count = int(found.sum()) + int(real.sum())
        if count:
            agreed = found & real & (np.sign(p) == np.sign(g))
            scores.append(2 * int(agreed.sum()) / count)
            weights.append(ratio)
    return float(np.average(scores, weights=weights)) if scores else 1.0


def soft_edge_error(
    predicted: NDArray[np.float64], truth: NDArray[np.float64], mask: NDArray[np.bool_]
) -> float | None:
    """The relative error at borders, forgiving a border that is one pixel off but not one that is smeared.

    After Chen et al., "Over-smoothing problem of CNN based disparity estimation", 2019, in depth instead of
    disparity. E are the pixels on either side of a border of the truth (see `boundary_f1`) at `EDGE_RATIO`; N(i) are
    the pixels of the 3x3 neighbourhood of i that are in the mask::

        SEE = mean over i in E of min over j in N(i) of |p(i) - g(j)| / g(j)

    A pixel that takes the depth of either side is right; one between the two is wrong.

    Returns:
        None where E is empty.
    """
    edges = np.zeros(mask.shape, dtype=np.bool_)
    for axis in (0, 1):
        border = _both(mask, axis) & (np.abs(_jumps(truth, axis)) > np.log(EDGE_RATIO))
        first, second = _sides(edges, axis)
        first |= border
        second |= border
    if not edges.any():
        return None
    smallest = np.full(mask.shape, np.inf)
    for moved_truth, moved_mask in zip(_neighbours(truth), _neighbours(mask), strict=True):
        known = np.where(moved_mask, moved_truth, np.inf)
        # |p - inf| / inf is not a number; such a neighbour is no candidate.
        with np.errstate(invalid="ignore"):
            smallest = np.fmin(smallest, np.abs(predicted - known) / known)
    return float(np.mean(smallest[edges]))


def _jumps(depth: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Log ratio of each pixel's successor to it along an axis; 0 where a depth is missing."""
    logs = np.log(np.where(depth > 0, depth, 1.0))
    return np.diff(logs, axis=axis)


def _both(mask: NDArray[np.bool_], axis: int) -> NDArray[np.bool_]:
    first, second = _sides(mask, axis)
    both: NDArray[np.bool_] = first & second
    return both


def _sides(values: NDArray[np.bool_], axis: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """All but the last and all but the first along an axis, as views."""
    return (values[:-1], values[1:]) if axis == 0 else (values[:, :-1], values[:, 1:])


def _neighbours(values: NDArray[np.generic]) -> Iterator[NDArray[np.generic]]:
    """The map moved by each step of the 3x3 neighbourhood; what comes in from outside is 0."""
    height, width = values.shape
    padded = np.pad(values, 1)
    for down in range(3):
        for across in range(3):
            yield padded[down : down + height, across : across + width]
