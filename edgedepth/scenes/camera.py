"""Pinhole cameras and poses: what a caller may pass, checked, and the rays that follow from it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edgedepth.errors import UsageError

if TYPE_CHECKING:
    from edgedepth.scenes.arith import Array

HEIGHT_ABOVE_ROAD = 1.65
"""Metres; the height of KITTI's colour cameras."""

_SMALLEST, _LARGEST = 8, 8192
_KITTI_HEIGHT, _KITTI_WIDTH = 375, 1242
_KITTI_FOCAL, _KITTI_CX, _KITTI_CY = 721.5377, 609.5593, 172.854


@dataclass(frozen=True, eq=False)
class Camera:
    """A pinhole camera without distortion.

    Args:
        K: 3x3 intrinsics in pixels, last row (0, 0, 1); pixel centres at whole coordinates, (0, 0) top left.
        width: columns, 8 to 8192.
        height: rows, 8 to 8192.

    Raises:
        UsageError: for a size out of range, or intrinsics that are not finite, not of this form, or singular.

    """

    K: Array
    width: int
    height: int

    def __post_init__(self) -> None:
        for name, size in (("width", self.width), ("height", self.height)):
            if not _SMALLEST <= size <= _LARGEST or size != int(size):
                raise UsageError(
                    f"a camera {name} of {size} pixels cannot be rendered",
                    remedy=f"use whole sizes from {_SMALLEST} to {_LARGEST}",
                )
        K = _finite("camera intrinsics", self.K, (3, 3))
        if K[2].tolist() != [0.0, 0.0, 1.0]:
            raise UsageError("camera intrinsics need the last row 0 0 1", f"got {K[2].tolist()}")
        if abs(K[0, 0] * K[1, 1] - K[0, 1] * K[1, 0]) < 1e-9:
            raise UsageError(
                "camera intrinsics are singular",
                f"got {K.tolist()}",
                "focal lengths are in pixels and must not be zero",
            )
        K.setflags(write=False)
        object.__setattr__(self, "K", K)

    @classmethod
    def kitti_like(cls, height: int, width: int) -> Camera:
        """Return KITTI's left colour camera, its view resized to `height` x `width`, each axis alone."""
        sx, sy = width / _KITTI_WIDTH, height / _KITTI_HEIGHT
        K = [
            [_KITTI_FOCAL * sx, 0.0, _KITTI_CX * sx],
            [0.0, _KITTI_FOCAL * sy, _KITTI_CY * sy],
            [0.0, 0.0, 1.0],
        ]
        return cls(np.array(K), width, height)

    @classmethod
    def with_field_of_view(cls, degrees: float, height: int, width: int) -> Camera:
        """Return a camera with square pixels that sees so many degrees across and looks at its picture's middle."""
        focal = width / 2 / math.tan(math.radians(degrees / 2))
        K = [[focal, 0.0, (width - 1) / 2], [0.0, focal, (height - 1) / 2], [0.0, 0.0, 1.0]]
        return cls(np.array(K), width, height)

    def magnified(self, factor: int) -> Camera:
        """Return the same view with `factor` times as many pixels each way; blocks of them share a centre."""
        shift = (factor - 1) / 2
        K = self.K.copy()
        K[:2] *= factor
        K[:2, 2] += shift
        return Camera(K, self.width * factor, self.height * factor)

    @property
    def focal(self) -> float:
        """One focal length in pixels for both axes; the size of a pixel at depth z is about z / focal."""
        K = self.K
        return math.sqrt(abs(float(K[0, 0] * K[1, 1] - K[0, 1] * K[1, 0])))

    def directions(self) -> tuple[Array, Array]:
        """Return x / z and y / z in the camera's frame at each pixel centre, two arrays of height x width."""
        (a, b, cx), (c, d, cy), _ = self.K.tolist()
        det = a * d - b * c
        u = np.arange(self.width, dtype=np.float64)[None, :] - cx
        v = np.arange(self.height, dtype=np.float64)[:, None] - cy
        return (d * u - b * v) / det, (a * v - c * u) / det


def checked_pose(pose: Array) -> Array:
    """Return the 4x4 camera-to-world pose as float64, or a `UsageError` unless it is finite and rigid."""
    matrix = _finite("the camera pose", pose, (4, 4))
    R = matrix[:3, :3]
    gram = (R[:, :, None] * R[:, None, :]).sum(axis=0)
    off = float(np.abs(gram - np.eye(3)).max())
    if off > 1e-4 or matrix[3].tolist() != [0.0, 0.0, 0.0, 1.0] or _determinant(R) < 0:
        raise UsageError(
            "the camera pose is not a rigid motion",
            f"its rotation is off orthonormal by {off:.3g}; last row {matrix[3].tolist()}",
            "pass a 4x4 camera-to-world matrix: x right, y down, z forward, in metres",
        )
    return matrix


def _determinant(R: Array) -> float:
    (a, b, c), (d, e, f), (g, h, i) = R.tolist()
    return float(a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g))


def _finite(what: str, values: Array, shape: tuple[int, int]) -> Array:
    try:
        matrix = np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise UsageError(f"{what} are not numbers", str(error)) from error
    if matrix.shape != shape:
        raise UsageError(f"{what} must be {shape[0]}x{shape[1]}", f"got an array of shape {matrix.shape}")
    if not np.isfinite(matrix).all():
        raise UsageError(f"{what} must be finite", f"got {matrix.tolist()}")
    return matrix
