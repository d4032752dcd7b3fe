"""How much a patch's prediction counts where: much in its middle, nothing at its rim."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BORDER = 0.15
"""Share of a side, at either end, that is outside the box before it is blurred."""


def border_window(size: tuple[int, int], border: float = BORDER) -> NDArray[np.float32]:
    """A box that leaves `border` free, blurred and brought to 0..1: PatchRefiner's weights of a patch.

    The blur is Gaussian with sigma = floor(height / 16) in both directions, cut off at 2 sigma, the picture mirrored
    about its outermost pixels; a box is separable, so it is two blurred lines.

    Args:
        size: (height, width) of the patch.
        border: of both sides.

    Returns:
        (height, width), 0..1; ones where the patch is so small that nothing is left out.
    """
    sigma = size[0] // 16
    rows, columns = (_blurred(_box(length, border), sigma) for length in size)
    window = rows[:, None] * columns
    low, high = window.min(), window.max()
    if low == high:
        return np.ones(size, np.float32)
    return np.asarray((window - low) / (high - low), np.float32)


def _box(length: int, border: float) -> NDArray[np.float64]:
    free = int(border * length)
    box = np.zeros(length)
    box[free : length - free] = 1
    return box


def _blurred(line: NDArray[np.float64], sigma: int) -> NDArray[np.float64]:
    if sigma == 0:
        return line
    reach = 2 * sigma
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    return np.convolve(np.pad(line, reach, mode="reflect"), kernel / kernel.sum(), mode="valid")
