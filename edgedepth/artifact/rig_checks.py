"""Whether what is said about a rig's cameras can be true; everything that is fused depends on it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from edgedepth.artifact.intrinsics import faults
from edgedepth.artifact.rig import RigCamera
from edgedepth.errors import InputError

# A principal point that both ways lies this far from the middle, and equally so, is that of another picture size:
# a crop shifts it, but hardly in the picture's own aspect.
OTHER_SIZE, SAME_ASPECT = 1.35, 1.2
# Exchanged cx and cy are each near the middle of the other side.
NEAR_MIDDLE = 1.1
# Of the rows of a rotation typed with four decimals.
ORTHONORMAL = 1e-3
# Metres from the vehicle's origin; a pose in millimetres, or one in the world, lies farther out.
FARTHEST_CAMERA = 20.0
# Cosine between a camera's down and the vehicle's; most cameras of a true rig stand upright.
UPRIGHT = 0.5
SAME_PLACE, SAME_TURN = 1e-3, 1e-3


def require_rig(cameras: Sequence[RigCamera], where: object) -> None:
    """Refuse a rig that cannot be.

    Args:
        cameras: at least one, names unique.
        where: the file, for messages.

    Raises:
        InputError: intrinsics or a pose that cannot be, pictures of different sizes, two cameras in one place, or
            poses of another frame of reference; the message names the cameras.
    """
    for camera in cameras:
        _require_same_size(cameras[0], camera, where)
    for camera in cameras:
        _require_intrinsics(camera, where)
        _require_pose(camera, where)
    for one, other in combinations(cameras, 2):
        if _same_pose(one.pose_matrix(), other.pose_matrix()):
            raise InputError(
                f"Cameras {one.name} and {other.name} of {where} have the same pose.",
                "They stand in one place and look in one direction.",
                "Give each camera its own pose.",
            )
    downward = float(np.median([-camera.pose[2][1] for camera in cameras]))
    if downward < UPRIGHT:
        raise InputError(
            f"The poses of {where} are not camera-to-vehicle.",
            f"Their cameras would not stand upright: down is {math.degrees(math.acos(max(downward, -1))):.0f} degrees "
            "off the vehicle's, in the middle of all.",
            "Give camera (x right, y down, z forward) to vehicle (x forward, y left, z up); try the inverse.",
        )


def _require_same_size(first: RigCamera, camera: RigCamera, where: object) -> None:
    if camera.size != first.size:
        raise InputError(
            f"The cameras of {where} have pictures of different sizes.",
            f"{first.name} is {_pixels(first.size)}, {camera.name} is {_pixels(camera.size)}.",
            "Bring all pictures to one size, and each camera's intrinsics with them.",
        )


def _require_intrinsics(camera: RigCamera, where: object) -> None:
    wrong = next(_wrong_with(camera), "")
    if wrong:
        raise InputError(
            f"The intrinsics of camera {camera.name} in {where} do not fit its picture.",
            f"The picture is {_pixels(camera.size)}: {wrong}.",
            "Give fx, fy, cx and cy in pixels of the picture as it is on disk.",
        )


def _wrong_with(camera: RigCamera) -> Iterator[str]:
    _, _, cx, cy = camera.intrinsics
    if not all(math.isfinite(value) for value in camera.intrinsics):
        yield f"{list(camera.intrinsics)} are not all numbers"
    if _exchanged(camera):
        yield f"({cx:.1f}, {cy:.1f}) would be its middle with cx and cy exchanged"
    yield from (f"{fault}{_made_for(camera)}" for fault in faults(*camera.intrinsics, camera.size))
    if _made_for(camera):
        yield f"the principal point ({cx:.1f}, {cy:.1f}) is far from the middle{_made_for(camera)}"


def _exchanged(camera: RigCamera) -> bool:
    (height, width), (_, _, cx, cy) = camera.size, camera.intrinsics
    if max(width, height) < NEAR_MIDDLE**2 * min(width, height):
        return False
    return all(side / NEAR_MIDDLE < 2 * at + 1 < side * NEAR_MIDDLE for at, side in ((cx, height), (cy, width)))


def _made_for(camera: RigCamera) -> str:
    (height, width), (_, _, cx, cy) = camera.size, camera.intrinsics
    across, down = (2 * cx + 1) / width, (2 * cy + 1) / height
    if min(across, down) <= 0 or not 1 / SAME_ASPECT < across / down < SAME_ASPECT:
        return ""
    if max(across, 1 / across) < OTHER_SIZE or max(down, 1 / down) < OTHER_SIZE:
        return ""
    return f", as if made for a picture of about {2 * cx + 1:.0f}x{2 * cy + 1:.0f}"


def _require_pose(camera: RigCamera, where: object) -> None:
    pose = camera.pose_matrix()
    rotation, place = pose[:3, :3], pose[:3, 3]
    wrong = ""
    if not np.isfinite(pose).all():
        wrong = "It has values that are not numbers."
    elif not np.allclose(pose[3], (0, 0, 0, 1), atol=1e-9):
        wrong = f"Its last row is {pose[3].tolist()}, not 0 0 0 1."
    elif (off := float(np.abs(rotation @ rotation.T - np.eye(3)).max())) > ORTHONORMAL:
        wrong = f"The rows of its rotation are off orthonormal by {off:.2g}."
    elif np.linalg.det(rotation) < 0:
        wrong = "Its rotation mirrors: the determinant is -1."
    if wrong:
        raise InputError(
            f"The pose of camera {camera.name} in {where} is not a rigid motion.",
            wrong,
            "Give a 4x4 camera-to-vehicle matrix: a rotation and metres.",
        )
    if (distance := float(np.linalg.norm(place))) > FARTHEST_CAMERA:
        raise InputError(
            f"Camera {camera.name} of {where} is not on the vehicle.",
            f"Its pose puts it {distance:.1f} m from the vehicle's origin.",
            "Give camera-to-vehicle, not camera-to-world, in metres.",
        )


def _same_pose(one: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    return bool(
        np.abs(one[:3, 3] - other[:3, 3]).max() < SAME_PLACE and np.abs(one[:3, :3] - other[:3, :3]).max() < SAME_TURN
    )


def _pixels(size: tuple[int, int]) -> str:
    return f"{size[1]}x{size[0]} pixels"
