"""A rig: the cameras of one vehicle, where they sit, how they see, and the order in which they ring it.

Frames of reference, all in metres and right-handed:

- camera: x right, y down, z forward along the optical axis;
- vehicle: x forward, y left, z up.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from edgedepth.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Row = tuple[float, float, float, float]
Pose = tuple[Row, Row, Row, Row]

# Of an optical axis' horizontal part: an axis nearer to the vertical than 0.06 degrees has no heading.
VERTICAL = 1e-3


class RigMask(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of an artifact that says where a camera sees its own vehicle.

    Attributes:
        path: relative to the artifact's folder: a grey PNG of the picture's size, 255 where the camera sees the
            world, 0 where it sees its own vehicle.
        sha256: of that file.
    """

    path: str
    sha256: str


class RigCamera(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One camera of a rig.

    Attributes:
        name: unique in its rig.
        intrinsics: (fx, fy, cx, cy) in pixels of the full picture; pixel centres at whole coordinates.
        size: (height, width) of the full picture.
        pose: rows of the 4x4 camera-to-vehicle motion: ``X_vehicle = pose @ [X_camera, 1]``, metres.
        mask: where it sees its own vehicle, as stored in an artifact; None where it sees the world everywhere.
    """

    name: str
    intrinsics: Row
    size: tuple[int, int]
    pose: Pose
    mask: RigMask | None = None

    def pose_matrix(self) -> NDArray[np.float64]:
        """(4, 4) camera-to-vehicle."""
        import numpy as np  # noqa: PLC0415 - a manifest is read without it

        return np.array(self.pose, np.float64)


class Rig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All cameras of a vehicle.

    Attributes:
        cameras: in ring order, as `ring_order` gives it; all of one picture size.
    """

    cameras: tuple[RigCamera, ...]

    def names(self) -> tuple[str, ...]:
        """Of the cameras, in ring order."""
        return tuple(camera.name for camera in self.cameras)


def heading(pose: Any) -> float:
    """Where a camera looks, seen from above.

    Args:
        pose: (4, 4) camera-to-vehicle, an array or rows.

    Returns:
        Angle of its optical axis around the vehicle's z axis, radians in -pi..pi: 0 is forward, positive is left.

    Raises:
        InputError: it looks straight up or down.
    """
    forward, left = float(pose[0][2]), float(pose[1][2])
    if math.hypot(forward, left) < VERTICAL:
        raise InputError(
            "A camera that looks straight up or down has no place in a ring.",
            f"Its optical axis has only {math.hypot(forward, left):.1e} of its length in the horizontal plane.",
            "Leave it out, or check that its pose is camera-to-vehicle with z up.",
        )
    return math.atan2(left, forward)


def ring_order(poses: Sequence[Any]) -> list[int]:
    """Cameras by heading, clockwise seen from above, beginning with the one that looks most forward.

    Each camera's neighbours are then the ones before and after it, and the last is the first one's neighbour.
    Cameras of one heading stay in the order given.

    Args:
        poses: (4, 4) camera-to-vehicle each, arrays or rows; the vehicle's x is forward, y left, z up.

    Returns:
        Indices into `poses`.

    Raises:
        InputError: a camera looks straight up or down.
    """
    if not poses:
        return []
    headings = [heading(pose) for pose in poses]
    first = min(range(len(poses)), key=lambda i: abs(headings[i]))
    return sorted(range(len(poses)), key=lambda i: (headings[first] - headings[i]) % math.tau)


def ring_pairs(count: int) -> list[tuple[int, int]]:
    """Neighbours in a ring of that many: (0, 1), (1, 2) ... (count - 1, 0); one pair of two, none of one."""
    if count <= 2:
        return [(0, 1)] if count == 2 else []
    return [(i, (i + 1) % count) for i in range(count)]
