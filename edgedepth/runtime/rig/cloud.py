"""All cameras' depth as one coloured point cloud in the vehicle's frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgedepth.runtime.rig.view import Points, View

RECORD = np.dtype([("place", "<f4", 3), ("colour", "u1", 3)])
HEADER = """ply
format binary_little_endian 1.0
comment vehicle frame in metres: x forward, y left, z up
element vertex {count}
property float x
property float y
property float z
property uchar red
property uchar green
property uchar blue
end_header
"""


@dataclass(frozen=True)
class Cloud:
    """Coloured points.

    Attributes:
        points: (N, 3) float32, metres, in the vehicle's frame: x forward, y left, z up.
        colours: (N, 3) uint8 RGB.
    """

    points: Points
    colours: NDArray[np.uint8]


def fuse(views: Sequence[View], max_range: float) -> Cloud:
    """The solid pixels of all views.

    Args:
        views: of one vehicle.
        max_range: metres from the vehicle's origin along the ground; what is farther is left out.
    """
    points, colours = [], []
    for view in views:
        x, y = view.points[:, 0], view.points[:, 1]
        near = x * x + y * y <= np.float32(max_range * max_range)
        points.append(view.points[near])
        colours.append(view.colours[view.solid][near])
    return Cloud(np.concatenate(points), np.concatenate(colours))


def write_ply(cloud: Cloud, path: Path) -> None:
    """Write a binary PLY: x, y, z as float, red, green, blue as uchar."""
    records = np.empty(len(cloud.points), RECORD)
    records["place"], records["colour"] = cloud.points, cloud.colours
    with path.open("wb") as file:
        file.write(HEADER.format(count=len(records)).encode("ascii"))
        records.tofile(file)
