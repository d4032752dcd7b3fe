"""Bringing a prediction that is known up to scale to metres, with ground truth of the same frame."""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from edgedepth.errors import UsageError, nearest

Alignment = Literal["none", "median", "least-squares"]
ALIGNMENTS: Final[tuple[Alignment, ...]] = ("none", "median", "least-squares")
# A least-squares fit may send far pixels to zero or negative disparity; they become the farthest depth.
_SMALLEST_DISPARITY = 1e-6


def align_median(predicted: NDArray[np.float64], truth: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scale depths so that their median equals the truth's (Zhou et al., "SfMLearner", 2017).

    Args:
        predicted: (N,) positive depths at the valid pixels, up to scale.
        truth: (N,) metres.

    Returns:
        (N,) metres.
    """
    scaled: NDArray[np.float64] = predicted * (np.median(truth) / np.median(predicted))
    return scaled


def align_least_squares(predicted: NDArray[np.float64], truth: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fit scale and shift in disparity space by least squares (Ranftl et al., "MiDaS", 2020, eq. 4).

    Minimises ``sum (s / p + t - 1 / g)^2`` over s and t; a constant prediction keeps only the shift.

    Args:
        predicted: (N,) positive depths at the valid pixels, up to scale.
        truth: (N,) metres.

    Returns:
        (N,) metres, positive.
    """
    p, g = 1.0 / predicted, 1.0 / truth
    centred = p - p.mean()
    spread = float(centred @ centred)
    scale = float(centred @ (g - g.mean())) / spread if spread > 0 else 0.0
    disparity = scale * centred + g.mean()
    aligned: NDArray[np.float64] = 1.0 / np.maximum(disparity, _SMALLEST_DISPARITY)
    return aligned


def align(predicted: NDArray[np.float64], truth: NDArray[np.float64], how: Alignment) -> NDArray[np.float64]:
    """Apply one alignment by name; ``none`` returns the depths unchanged."""
    if how == "median":
        return align_median(predicted, truth)
    if how == "least-squares":
        return align_least_squares(predicted, truth)
    return predicted


def read_alignment(name: str) -> Alignment:
    """The alignment of that name.

    Raises:
        UsageError: unknown; the message lists what is known.
    """
    for known in ALIGNMENTS:
        if name == known:
            return known
    raise UsageError(
        f"There is no alignment named {name!r}.",
        f"Known: {', '.join(ALIGNMENTS)}.",
        nearest(name, ALIGNMENTS).capitalize(),
    )
