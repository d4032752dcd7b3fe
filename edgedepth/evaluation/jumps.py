"""How sharp depth is where ground truth is sparse: the share of a jump that is found between two near points."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgedepth.evaluation.boundaries import EDGE_RATIO

REACH = 8
"""Pixels that the two points of a pair may lie apart."""
FEWEST = 20
"""Pairs without which a frame says nothing."""


def jump_share(predicted: NDArray[np.float64], truth: NDArray[np.float64], mask: NDArray[np.bool_]) -> float | None:
    """The mean over pairs of the predicted jump as a share of the true one, both as logarithms of ratios.

    Pairs are any two measured pixels i, j at most `REACH` pixels apart whose true depths differ by more than
    `EDGE_RATIO`. Each share ``log(p(j) / p(i)) / log(g(j) / g(i))`` is limited to 0..1: a border that is smeared over
    many pixels shows little of the jump within so few, one that is missing or elsewhere shows none. The measure does
    not depend on the prediction's scale.

    Args:
        predicted: (H, W), positive.
        truth: (H, W), positive inside the mask.
        mask: (H, W) bool, the measured pixels that count.

    Returns:
        0..1, or None where there are fewer than `FEWEST` pairs.
    """
    height, width = mask.shape
    rows, columns = np.nonzero(mask)
    logs = np.log(np.where(mask, truth, 1.0))
    found = np.log(predicted)
    total, count = 0.0, 0
    for down in range(REACH + 1):
        for right in range(-REACH, REACH + 1):
            if down**2 + right**2 > REACH**2 or (down == 0 and right <= 0):
                continue
            inside = (rows + down < height) & (columns + right >= 0) & (columns + right < width)
            first = rows[inside], columns[inside]
            second = first[0] + down, first[1] + right
            true = logs[second] - logs[first]
            jump = mask[second] & (np.abs(true) > np.log(EDGE_RATIO))
            shown = (found[second] - found[first])[jump] / true[jump]
            total += float(np.clip(shown, 0, 1).sum())
            count += int(jump.sum())
    return total / count if count >= FEWEST else None
