"""How steady a model's scale is over frames, and how far a second model's scale drifts from the first one's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ScaleSpread:
    """A factor per frame, summed up.

    Attributes:
        median: of the factors.
        spread: standard deviation of their logarithms; 0.05 is about 5 per cent.
        largest: largest distance of a factor's logarithm from 0, without its sign.
    """

    median: float
    spread: float
    largest: float


def scale_spread(factors: Sequence[float]) -> ScaleSpread:
    """Sum up one positive factor per frame.

    Raises:
        ValueError: no factors.
    """
    if not factors:
        raise ValueError("the spread of no factors is undefined")
    logs = np.log(np.asarray(factors, dtype=np.float64))
    return ScaleSpread(median=float(np.median(factors)), spread=float(logs.std()), largest=float(np.abs(logs).max()))


def scale_drift(reference: Sequence[float], other: Sequence[float]) -> ScaleSpread:
    """How the scale of one model differs from that of another on the same frames.

    With s the metres per unit of a frame (the ratio of the medians of truth and prediction), the factor of a frame is
    ``s_reference / s_other``: 1.02 says that the other model's depths are 2 per cent larger there. A median away from
    1 is a bias that any alignment hides; the spread is what makes depth flicker from frame to frame.

    Args:
        reference, other: metres per unit, frame by frame in the same order.

    Raises:
        ValueError: different or no frames.
    """
    return scale_spread([first / second for first, second in zip(reference, other, strict=True)])
