"""Consistency-aware averaging: overlapping patches as one weighted mean, given out row by row."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

F = TypeVar("F", np.float32, np.float64)


class Rows(NamedTuple):
    """Finished rows of a map.

    Attributes:
        top: number of the first.
        values: (n, W), the weighted mean.
        weights: (n, W), the sum of weights.
    """

    top: int
    values: NDArray[np.float32]
    weights: NDArray[np.float32]


class RunningAverage:
    """The weighted mean of patches on a map; only `reach` rows are in memory at a time.

    As PatchRefiner updates it, ``mean = (value * w + mean * c) / (c + w)`` and ``c = c + w`` wherever w > 0, which is
    sum(w * value) / sum(w) in any order; where no weight ever falls, a value of the first pass stays as it is. Sums
    are float64: a map that one patch covers comes out as it went in.

    Args:
        height, width: of the map.
        reach: rows that are open at a time: at least as many as a patch has.
    """

    def __init__(self, height: int, width: int, reach: int) -> None:
        self.height, self.width = height, width
        self.row = 0
        """The first row that has not been given out."""
        self._sum = np.zeros((min(reach, height), width))
        self._weight = np.zeros_like(self._sum)
        self._fill = np.zeros(self._sum.shape, np.float32)

    def add(self, values: NDArray[Any], weights: NDArray[Any], top: int, left: int, *, fills: bool = False) -> None:
        """Add a patch.

        Args:
            values, weights: (h, w); weights are not negative.
            top, left: where it lies on the map.
            fills: of the first pass: its values stand where no weight ever falls.

        Raises:
            ValueError: part of it lies outside the map or outside the rows that are open.
        """
        height, width = values.shape
        start = top - self.row
        if start < 0 or left < 0 or start + height > len(self._sum) or left + width > self.width:
            raise ValueError(
                f"rows {top} to {top + height} and columns {left} to {left + width} are not all among the open rows "
                f"{self.row} to {self.row + len(self._sum)} and {self.width} columns"
            )
        there = np.s_[start : start + height, left : left + width]
        self._sum[there] += values * weights.astype(np.float64)
        self._weight[there] += weights
        if fills:
            self._fill[there] = values

    def finish(self, until: int) -> Rows:
        """Give out the rows from `row` to before `until`, and open as many below."""
        count = until - self.row
        if not 0 < count <= len(self._sum):
            raise ValueError(f"row {until} is not among the open rows {self.row} to {self.row + len(self._sum)}")
        weight = self._weight[:count]
        some = weight > 0
        mean = np.divide(self._sum[:count], weight, where=some, out=np.zeros_like(weight))
        values = np.where(some, mean, self._fill[:count]).astype(np.float32)
        done = Rows(self.row, values, weight.astype(np.float32))
        self.row = until
        still = min(len(self._sum), self.height - until)
        self._sum = _moved(self._sum, count, still)
        self._weight = _moved(self._weight, count, still)
        self._fill = _moved(self._fill, count, still)
        return done


def _moved(rows: NDArray[F], count: int, still: int) -> NDArray[F]:
    """The rows from `count` on and zeros below, `still` in all, in the same memory."""
    rows[:-count] = rows[count:]
    rows[-count:] = 0
    return rows[:still]
