"""Which pixels look like sky: stereo and LiDAR say nothing true about them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

_LOWEST_ROW = 0.5  # in a forward-looking driving picture the horizon is above this fraction of the height
_BRIGHT = 190.0
_BLUE_LEAD, _BLUE_LEAST = 12.0, 110.0
_SMOOTH = 10.0


def looks_like_sky(image: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Bright or blue, smooth pixels in the upper part of a driving picture.

    A heuristic: bright walls pass it too, which is why its weight in the loss is small.

    Args:
        image: (H, W, 3) uint8 RGB.

    Returns:
        (H, W) boolean.
    """
    blurred = Image.fromarray(image).filter(ImageFilter.GaussianBlur(1.5))
    soft = np.asarray(blurred, dtype=np.float64)
    detail = np.abs(image.astype(np.float64) - soft).max(axis=2)
    rough = np.asarray(
        Image.fromarray(np.clip(detail, 0, 255).astype(np.uint8)).filter(ImageFilter.MaxFilter(3)), np.float64
    )
    red, green, blue = soft[..., 0], soft[..., 1], soft[..., 2]
    bright = np.minimum(np.minimum(red, green), blue) > _BRIGHT
    blueish = (blue > red + _BLUE_LEAD) & (blue >= green) & (blue > _BLUE_LEAST)
    upper = np.arange(image.shape[0])[:, None] < _LOWEST_ROW * image.shape[0]
    sky: NDArray[np.bool_] = (bright | blueish) & (rough < _SMOOTH) & upper
    return sky
