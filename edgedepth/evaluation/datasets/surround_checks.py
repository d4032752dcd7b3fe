"""Whether a rig's calibration belongs to its pictures: what was exchanged or turned is refused, not measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgedepth.errors import InputError
from edgedepth.evaluation.datasets.base import DepthSample, damaged, read_array
from edgedepth.evaluation.datasets.camera import require_camera

# The principal point of an uncropped picture lies near its middle; exchanged cx and cy leave this part of it.
_MIDDLE = (0.25, 0.75)
# Of the LiDAR points in view, those that must be found again in the depth map within this share of their depth. Where
# calibration belongs to depth it is nearly all; where not, about as many as the map is dense, a few per cent.
_LEAST_FOUND, _TOLERANCE = 0.5, 0.02
_NEAREST = 0.5  # metres; points around the sensor itself are often left out of depth maps
# Cameras of one vehicle agree on how the LiDAR is turned; the vehicle itself turns a little between their shutters.
_MOST_DEGREES = 5.0
_ROUNDING = 1e-3


def read_motion(path: Path) -> NDArray[np.float64]:
    """A 4x4 rigid motion.

    Raises:
        InputError: missing, damaged, or no rotation and translation.
    """
    motion = read_array(path)
    if motion.shape != (4, 4) or not np.isfinite(motion).all():
        raise damaged(
            path, "a 4x4 motion", ValueError(f"It has the shape {motion.shape}, or values that are no numbers.")
        )
    turn = motion[:3, :3]
    rigid = np.abs(turn @ turn.T - np.eye(3)).max() < _ROUNDING and np.linalg.det(turn) > 0
    if not (rigid and np.array_equal(motion[3], (0, 0, 0, 1))):
        raise damaged(path, "a 4x4 motion", ValueError("It is no rotation and translation."))
    return motion


def require_centred(sample: DepthSample, title: str) -> None:
    """Refuse intrinsics that cannot belong to an uncropped picture.

    Raises:
        InputError: as `require_camera`, or a principal point far from the picture's middle.
    """
    require_camera(sample, title)
    height, width = sample.image.shape[:2]
    cx, cy = sample.intrinsics[:2, 2]
    near, far = _MIDDLE
    if not (near * width <= cx <= far * width and near * height <= cy <= far * height):
        raise InputError(
            f"The intrinsics of camera {sample.camera} do not match its pictures.",
            f"Frame {sample.name} is {width}x{height}: the principal point ({cx:.1f}, {cy:.1f}) is far off its middle.",
            "Check that cx goes with the width and cy with the height, and that K belongs to this camera.",
        )


def require_agreement(
    sample: DepthSample,
    points: NDArray[np.float64],
    from_lidar: NDArray[np.float64],
    vehicle_from_lidar: NDArray[np.float64],
    beside: str,
) -> None:
    """Refuse intrinsics or poses that are not those of the frame's depth, such as another camera's.

    Args:
        sample: one frame with its `rig_pose`.
        points: (N, 3 or more) metres in the LiDAR's frame; the depth map was made from them.
        from_lidar: (4, 4) LiDAR to camera.
        vehicle_from_lidar: (4, 4) LiDAR to vehicle by way of another camera.
        beside: that camera's name.

    Raises:
        InputError: few of the points are in the depth map, or two cameras do not agree on the LiDAR's place.
    """
    if points.ndim != 2 or points.shape[1] < 3:
        raise InputError(
            f"The LiDAR points of frame {sample.name} cannot be read.",
            f"They have the shape {points.shape}.",
            "Give (N, 3) or (N, 4): x, y, z in metres.",
        )
    found, visible = _found_again(sample, points[:, :3] @ from_lidar[:3, :3].T + from_lidar[:3, 3])
    if visible and found < _LEAST_FOUND * visible:
        raise InputError(
            f"The calibration of camera {sample.camera} is not that of its depth.",
            f"Frame {sample.name}: of {visible} LiDAR points in view {found} are found in the depth map.",
            f"Check that {sample.camera}_K.npy and {sample.camera}_T_cam_lidar.npy are this camera's own.",
        )
    if sample.rig_pose is not None:
        turned = _degrees_between(sample.rig_pose @ from_lidar, vehicle_from_lidar)
        if turned > _MOST_DEGREES:
            raise InputError(
                f"Cameras {sample.camera} and {beside} do not agree on where the vehicle is.",
                f"Frame {sample.name}: seen through their poses the LiDAR is turned by {turned:.0f} degrees.",
                f"Check that {sample.camera}_T_ego_cam.npy and {beside}_T_ego_cam.npy are each its own.",
            )


def _found_again(sample: DepthSample, points: NDArray[np.float64]) -> tuple[int, int]:
    """How many of the points, in the camera's frame, the depth map holds at their pixel; and how many are in view."""
    points = points[points[:, 2] > _NEAREST]
    z = points[:, 2]
    columns, rows, _ = np.rint(sample.intrinsics @ points.T / z)
    height, width = sample.depth.shape
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    held = sample.depth[rows[inside].astype(np.intp), columns[inside].astype(np.intp)]
    return int(np.count_nonzero(np.abs(held - z[inside]) < _TOLERANCE * z[inside])), int(inside.sum())


def _degrees_between(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    cosine = (np.trace(first[:3, :3].T @ second[:3, :3]) - 1) / 2
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
