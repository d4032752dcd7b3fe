"""What a list of times says: centre, tail, spread, how sure the centre is, and whether one list is slower."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgedepth.bench.schema import Latency

NOISY = 0.1
"""Interquartile range over median from which a row is called noisy."""


@dataclass(frozen=True)
class Summary:
    """Of one set of samples, in their unit.

    Attributes:
        p90: 90th percentile, linear between neighbours as NumPy's; so are the others.
        iqr: 75th minus 25th percentile.
        std: of the samples (n - 1); 0 for a single one.
        ci95: two of the samples, between which the population's median lies in at least 95 % of all cases whatever
            the distribution; the whole range where there are fewer than six.
    """

    count: int
    median: float
    p90: float
    minimum: float
    iqr: float
    mean: float
    std: float
    p5: float
    p95: float
    p99: float
    maximum: float
    ci95: tuple[float, float]

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
    """Everything about one set of samples that does not depend on their order.

    Raises:
        ValueError: no sample, or one that is not a finite number.
    """
    values = np.sort(_checked(samples))
    p5, q25, median, q75, p90, p95, p99 = (float(q) for q in np.percentile(values, [5, 25, 50, 75, 90, 95, 99]))
    return Summary(
        count=len(values),
        median=median,
        p90=p90,
        minimum=float(values[0]),
        iqr=q75 - q25,
        mean=float(values.mean()),
        std=float(values.std(ddof=1)) if len(values) > 1 else 0.0,
        p5=p5,
        p95=p95,
        p99=p99,
        maximum=float(values[-1]),
        ci95=_median_interval(values),
    )


def latency_of(samples_ms: Sequence[float], seconds: float | None = None) -> Latency:
    """The samples and their summary as a result holds them.

    Args:
        samples_ms: in the order in which they were measured.
        seconds: that they took together, what lay between them included.

    Raises:
        ValueError: no sample, or one that is not a finite number.
    """
    s = summarize(samples_ms)
    return Latency(
        samples_ms=[float(sample) for sample in samples_ms],
        count=s.count,
        seconds=seconds,
        mean=s.mean,
        std=s.std,
        minimum=s.minimum,
        p5=s.p5,
        median=s.median,
        p90=s.p90,
        p95=s.p95,
        p99=s.p99,
        maximum=s.maximum,
        iqr=s.iqr,
        ci95=s.ci95,
    )


def chance_of_no_slowdown(before: Sequence[float], after: Sequence[float], allowed: float = 0.0) -> float:
    """How likely ranks like these are if `after` is at most `allowed` slower than `before`: a small number convicts.

    One-sided Mann-Whitney U test (H. B. Mann and D. R. Whitney, 1947) of `after` against ``(1 + allowed) * before``.

    Args:
        before, after: samples in one unit.
        allowed: share by which `after` may be slower, such as 0.05.

    Raises:
        ValueError: no sample, or one that is not a finite number.
    """
    from scipy.stats import mannwhitneyu  # noqa: PLC0415 - takes half a second to load

    limit = (1 + allowed) * _checked(before)
    return float(mannwhitneyu(_checked(after), limit, alternative="greater", method="auto").pvalue)


def enough_resamples(count: int) -> int:
    """How often to draw `count` samples anew: 2000 times, fewer of long lists, whose intervals are narrow anyway."""
    return min(2000, max(4_000_000 // count, 200))


def _median_interval(ordered: np.ndarray) -> tuple[float, float]:
    from scipy.stats import binom  # noqa: PLC0415 - takes half a second to load

    # The number of samples below the median is binomial(n, 1/2); at most 2.5 % may be cut off on either side.
    count = len(ordered)
    rank = max(int(binom.ppf(0.025, count, 0.5)) - 1, 0)
    return float(ordered[rank]), float(ordered[count - 1 - rank])


def ratio_of_medians(
    numerator: Sequence[float],
    denominator: Sequence[float],
    *,
    confidence: float = 0.95,
    resamples: int | None = None,
    seed: int = 0,
) -> Ratio:
    """Ratio of two medians that were measured in the same rounds, with a bootstrap interval.

    Whole rounds are drawn again, so that what disturbed both in a round is not counted as uncertainty twice.

    Args:
        numerator: one sample per round.
        denominator: one sample per round, positive, of the same rounds.
        confidence: probability mass of the interval, in (0, 1).
        resamples: how often the rounds are drawn; None for `enough_resamples`.
        seed: of the drawing; equal samples give equal intervals.

    Raises:
        ValueError: lengths differ, a sample is not finite, or a median of the denominator is not positive.
    """
    above, below = _checked(numerator), _checked(denominator)
    if len(above) != len(below):
        raise ValueError(f"{len(above)} and {len(below)} samples are not of the same rounds")
    if below.min() <= 0:
        raise ValueError("a time of zero or less cannot be divided by")
    rounds = np.random.default_rng(seed).integers(
        len(above), size=(resamples or enough_resamples(len(above)), len(above))
    )
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
