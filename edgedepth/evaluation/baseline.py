"""The trivial baseline: one depth map for every picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgedepth.errors import InputError
from edgedepth.evaluation.datasets.base import DepthDataset
from edgedepth.runtime.decode import Meaning, resize_map


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
    """The constant maps that a dataset's dense teacher depth suggests.

    Which of the two is stronger depends on the frames, so both are shown.

    Returns:
        The per-pixel median of depth, and the per-pixel mean of disparity.

    Raises:
        InputError: the dataset has no dense depth, or maps of several sizes.
    """
    maps = [sample.teacher for sample in map(dataset.read, dataset.names) if sample.teacher is not None]
    sizes = sorted({depth.shape for depth in maps})
    if len(sizes) != 1 or not all(np.all(depth > 0) for depth in maps):
        held = f"Its dense depth maps have {len(sizes)} sizes." if sizes else "It has no dense depth maps."
        raise InputError(
            f"{dataset.title} cannot give a baseline.",
            "A dense depth map has holes." if len(sizes) == 1 else held,
            "Name a folder of training frames with teacher depth everywhere, all of one size.",
        )
    stacked = np.stack(maps).astype(np.float64)
    median = np.median(stacked, axis=0).astype(np.float32)
    mean = (1.0 / np.mean(1.0 / stacked, axis=0)).astype(np.float32)
    return (
        ConstantDepth(median, "constant map, median depth"),
        ConstantDepth(mean, "constant map, mean disparity"),
    )
