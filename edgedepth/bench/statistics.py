"""What a list of times says: centre, tail, spread, and how sure a ratio of two of them is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

NOISY = 0.1
"""Interquartile range over median from which a row is called noisy."""


@dataclass(frozen=True)
class Summary:
    """Of one set of samples, in their unit.

    Attributes:
        p90: 90th percentile, linear between neighbours.
        iqr: 75th minus 25th percentile.
    """

    count: int
    median: float
    p90: float
    minimum: float
    iqr: float

    @property
    def noisy(self) -> bool:
        """Whether the middle half of the samples spreads over more than `NOISY` of the median."""
        return self.iqr > NOISY * self.median


@dataclass(frozen=True)
class Ratio:
    """A ratio of medians and the interval that holds it with the asked confidence."""

    value: float
    low: float
    high: float


def summarize(samples: Sequence[float]) -> Summary:
    """Median, p90, minimum and interquartile range.

    Raises:
        ValueError: no sample, or one that is not a finite number.
    """
    values = _checked(samples)
    q25, median, q75, p90 = (float(q) for q in np.percentile(values, [25, 50, 75, 90]))
    return Summary(len(values), median, p90, float(values.min()), q75 - q25)


def ratio_of_medians(
    numerator: Sequence[float],
    denominator: Sequence[float],
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Ratio:
    """Ratio of two medians that were measured in the same rounds, with a bootstrap interval.

    Whole rounds are drawn again, so that what disturbed both in a round is not counted as uncertainty twice.

    Args:
        numerator: one sample per round.
        denominator: one sample per round, positive, of the same rounds.
        confidence: probability mass of the interval, in (0, 1).
        resamples: how often the rounds are drawn.
        seed: of the drawing; equal samples give equal intervals.

    Raises:
        ValueError: lengths differ, a sample is not finite, or a median of the denominator is not positive.
    """
    above, below = _checked(numerator), _checked(denominator)
    if len(above) != len(below):
        raise ValueError(f"{len(above)} and {len(below)} samples are not of the same rounds")
    if below.min() <= 0:
        raise ValueError("a time of zero or less cannot be divided by")
    rounds = np.random.default_rng(seed).integers(len(above), size=(resamples, len(above)))
    ratios = np.median(above[rounds], axis=1) / np.median(below[rounds], axis=1)
    tail = 50 * (1 - confidence)
    low, high = (float(q) for q in np.percentile(ratios, [tail, 100 - tail]))
    return Ratio(float(np.median(above) / np.median(below)), low, high)


def _checked(samples: Sequence[float]) -> np.ndarray:
    values = np.asarray(samples, dtype=np.float64)
    if values.ndim != 1 or not len(values):
        raise ValueError("there are no samples")
    if not np.isfinite(values).all():
        raise ValueError("a sample is not a finite number")
    return values
