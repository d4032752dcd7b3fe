"""The crops that KITTI results are measured in, so that figures can stand beside those of papers."""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from edgedepth.errors import UsageError, nearest

Crop = Literal["none", "garg", "eigen"]

# First row, end row, first column, end column, as shares of height and width. Garg et al., "Unsupervised CNN for
# Single View Depth Estimation", 2016; Eigen, Puhrsch and Fergus, "Depth Map Prediction", 2014, whose crop is stated
# in the pixels of its own resized pictures and is known by these shares since Monodepth's evaluation (2017).
CROPS: Final[dict[Crop, tuple[float, float, float, float]]] = {
    "none": (0.0, 1.0, 0.0, 1.0),
    "garg": (0.40810811, 0.99189189, 0.03594771, 0.96405229),
    "eigen": (0.3324324, 0.91351351, 0.0359477, 0.96405229),
}


def crop_mask(size: tuple[int, int], crop: Crop) -> NDArray[np.bool_]:
    """Which pixels a crop keeps.

    Args:
        size: (H, W) of the ground truth.
        crop: by name; borders are rounded towards zero, the end row and column are outside.

    Returns:
        (H, W) bool.
    """
    height, width = size
    top, bottom, left, right = CROPS[crop]
    mask = np.zeros(size, dtype=np.bool_)
    mask[int(top * height) : int(bottom * height), int(left * width) : int(right * width)] = True
    return mask


def read_crop(name: str) -> Crop:
    """The crop of that name.

    Raises:
        UsageError: unknown; the message lists what is known.
    """
    for known in CROPS:
        if name == known:
            return known
    raise UsageError(
        f"There is no crop named {name!r}.", f"Known: {', '.join(CROPS)}.", nearest(name, CROPS).capitalize()
    )
