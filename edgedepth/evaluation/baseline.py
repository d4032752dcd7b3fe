"""The trivial baseline: one depth map for every picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgedepth.errors import InputError
from edgedepth.evaluation.datasets.base import DepthDataset
from edgedepth.runtime.decode import Meaning, resize_map

# Sparse points of a few frames leave single rows empty; a band this part of the height has points enough.
_BANDS = 48

# Row and depth in metres of each measured pixel of a frame.
_Points = tuple[NDArray[np.intp], NDArray[np.float64]]


class ConstantDepth:
    """Predicts the same map whatever the picture shows; a network must beat it clearly.

    Args:
        depth: (H, W) positive metres, resized in disparity space to each wanted size.
        title: what to call it in a table.
    """

    meaning = Meaning("depth", "metres")

    def __init__(self, depth: NDArray[np.float32], title: str = "constant map") -> None:
        if not np.all(depth > 0):
            raise ValueError("a constant map needs a positive depth everywhere")
        self.disparity = (1.0 / depth).astype(np.float32)
        self.title = title
        self.facts: dict[str, str] = {}

    def depth(self, image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.float64]:  # noqa: ARG002
        """The map at the wanted size."""
        return 1.0 / resize_map(self.disparity, size).astype(np.float64)


def baselines_of(dataset: DepthDataset) -> tuple[ConstantDepth, ConstantDepth]:
    """The constant maps that a dataset suggests.

    Dense teacher depth gives a value for each pixel, measured depth alone, of which there are only points, one for
    each row. Which of the two is stronger depends on the frames, so both are shown.

    Returns:
        The median of depth, and the mean of disparity.

    Raises:
        InputError: the dataset has no depth, dense depth with holes, or maps of several sizes.
    """
    dense: list[NDArray[np.float32]] = []
    points: list[_Points] = []
    sizes = set()
    for sample in map(dataset.read, dataset.names):
        if sample.teacher is not None:
            dense.append(sample.teacher)
        rows, columns = np.nonzero(sample.measured)
        points.append((rows, sample.depth[rows, columns].astype(np.float64)))
        sizes.add(sample.depth.shape)
    if len(sizes) > 1:
        raise _no_baseline(dataset, f"Its depth maps have {len(sizes)} sizes.")
    if not all(np.all(depth > 0) for depth in dense):
        raise _no_baseline(dataset, "A dense depth map has holes.")
    if not dense and not sum(rows.size for rows, _ in points):
        raise _no_baseline(dataset, "It has neither dense nor measured depth.")
    if dense:
        stacked = np.stack(dense).astype(np.float64)
        median, mean = np.median(stacked, axis=0), 1.0 / np.mean(1.0 / stacked, axis=0)
    else:
        (size,) = sizes
        median, mean = _by_row(points, size, np.median), _by_row(points, size, _harmonic_mean)
    return (
        ConstantDepth(median.astype(np.float32), "constant map, median depth"),
        ConstantDepth(mean.astype(np.float32), "constant map, mean disparity"),
    )


def _by_row(
    points: list[_Points], size: tuple[int, ...], middle: Callable[[NDArray[np.float64]], np.floating[Any]]
) -> NDArray[np.float64]:
    """(H, W): the middle of all points of each band of rows, linear in between, constant beyond the outermost."""
    height, width = size
    rows, depths = (np.concatenate(one) for one in zip(*points, strict=True))
    band = rows * _BANDS // height
    held = np.unique(band)
    values = [middle(depths[band == one]) for one in held]
    centres = (held + 0.5) * height / _BANDS - 0.5
    by_row: NDArray[np.float64] = np.interp(np.arange(height), centres, values)
    return by_row[:, None].repeat(width, 1)


def _harmonic_mean(depths: NDArray[np.float64]) -> np.floating[Any]:
    mean: np.floating[Any] = 1.0 / np.mean(1.0 / depths)
    return mean


def _no_baseline(dataset: DepthDataset, evidence: str) -> InputError:
    return InputError(
        f"{dataset.title} cannot give a baseline.",
        evidence,
        "Name a folder of training frames of one size with measured depth, or teacher depth everywhere.",
    )
