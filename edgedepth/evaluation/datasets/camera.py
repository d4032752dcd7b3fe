"""Whether intrinsics can belong to a picture. Everything that is warped depends on it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgedepth.artifact.intrinsics import faults
from edgedepth.errors import InputError
from edgedepth.evaluation.datasets.base import DepthSample


def require_camera(sample: DepthSample, title: str) -> None:
    """Refuse intrinsics that cannot belong to the frame.

    Raises:
        InputError: not a 3x3 pinhole matrix, a principal point outside the picture, or focal lengths that no
            camera has: mostly intrinsics of another size of the same pictures.
    """
    height, width = sample.image.shape[:2]
    wrong = _what_is_wrong(sample.intrinsics, height, width)
    if wrong:
        raise InputError(
            f"The intrinsics of {title} do not match its frames.",
            f"Frame {sample.name} is {width}x{height}: {wrong}.",
            "State fx, fy, cx and cy in pixels of the pictures as they are on disk.",
        )


def _what_is_wrong(K: NDArray[np.float64], height: int, width: int) -> str:
    if K.shape != (3, 3) or not np.isfinite(K).all():
        return f"K has the shape {K.shape}, or values that are not numbers"
    if not np.array_equal(K[2], (0, 0, 1)) or K[1, 0] != 0 or K[0, 1] != 0:
        return f"K is no pinhole matrix without skew: {K.tolist()}"
    return next(faults(K[0, 0], K[1, 1], K[0, 2], K[1, 2], (height, width)), "")
