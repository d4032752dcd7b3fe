"""One camera of a rig with its depth, and the geometry that takes its pixels to the vehicle and back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgedepth.artifact.rig import Row

# Networks draw a jump from one surface to another as a ramp of a few pixels.
RAMP_REACH = 3
RAMP_STEP = 0.1
RAMP_END = 0.5

Points = NDArray[np.float32]


@dataclass(frozen=True)
class View:
    """What one camera gave.

    Attributes:
        name: the camera's.
        intrinsics: fx, fy, cx, cy in pixels of `depth`; pixel centres at whole coordinates.
        pose: (4, 4) camera-to-vehicle, metres.
        depth: (h, w) float32, z-depth in metres; not finite or not above 0 where there is none.
        colours: (h, w, 3) uint8 RGB, the picture at that size.
        seen: (h, w) boolean, False where the camera sees its own vehicle.
    """

    name: str
    intrinsics: Row
    pose: NDArray[np.float64]
    depth: NDArray[np.float32]
    colours: NDArray[np.uint8]
    seen: NDArray[np.bool_]

    @cached_property
    def valid(self) -> NDArray[np.bool_]:
        """Where there is depth of the world: (h, w) boolean."""
        found: NDArray[np.bool_] = np.isfinite(self.depth) & (self.depth > 0) & self.seen
        return found

    @cached_property
    def solid(self) -> NDArray[np.bool_]:
        """`valid`, without flying pixels: those between two surfaces, which lie on neither."""
        return self.valid & ~flying(self.depth, self.valid)

    @cached_property
    def points(self) -> Points:
        """The `solid` pixels in the vehicle's frame: (N, 3) float32, metres, row by row."""
        fx, fy, cx, cy = self.intrinsics
        rows, columns = np.nonzero(self.solid)
        depth = self.depth[rows, columns]
        across = ((np.arange(self.depth.shape[1]) - cx) / fx).astype(np.float32)
        down = ((np.arange(self.depth.shape[0]) - cy) / fy).astype(np.float32)
        camera = np.stack([across[columns] * depth, down[rows] * depth, depth], axis=1)
        return moved(camera, self.pose)

    def project(self, points: Points) -> tuple[NDArray[np.intp], Points]:
        """Points of the vehicle's frame that appear in this picture.

        Args:
            points: (N, 3) metres.

        Returns:
            For each point that does: index of the nearest pixel in the flattened picture; and depth along the optical
            axis, metres.
        """
        fx, fy, cx, cy = (np.float32(value) for value in self.intrinsics)
        height, width = self.depth.shape
        inverse: NDArray[np.float64] = np.linalg.inv(self.pose).astype(np.float64)
        in_camera = moved(points, inverse)
        x, y, z = np.ascontiguousarray(in_camera[in_camera[:, 2] > 0].T)
        with np.errstate(over="ignore"):  # right beside the camera; far outside of its picture
            u, v = fx * x / z + cx, fy * y / z + cy
        inside = (u > -0.5) & (u < width - 0.5) & (v > -0.5) & (v < height - 0.5)
        index = np.rint(v[inside]).astype(np.intp) * width + np.rint(u[inside]).astype(np.intp)
        return index, z[inside]


def moved(points: Points, motion: NDArray[np.float64]) -> Points:
    """(N, 3) points after a (4, 4) rigid motion."""
    result: Points = points @ motion[:3, :3].T.astype(np.float32)
    result += motion[:3, 3].astype(np.float32)
    return result


def flying(depth: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels on the ramp between two surfaces, across or down.

    On a plane inverse depth changes evenly, however steeply it is seen; on a ramp it changes and then levels off. A
    pixel flies where its inverse depth d lies between those `RAMP_REACH` pixels before and after it, differs from
    both by more than `RAMP_STEP` times d, and on at least one side changes by less than `RAMP_END` times as much over
    the next `RAMP_REACH` pixels. So a thin pole, which is nearer than both of its sides, does not fly. Where there
    is no depth, d is 0; beyond the borders it goes on as before them.

    Args:
        depth: (h, w) metres.
        valid: (h, w) boolean, where there is depth.

    Returns:
        (h, w) boolean.
    """
    inverse = np.divide(1, depth, out=np.zeros_like(depth), where=valid)
    return _on_ramp(inverse) | _on_ramp(inverse.T).T


def _on_ramp(d: NDArray[np.float32]) -> NDArray[np.bool_]:
    width = d.shape[1]
    wide = np.pad(d, ((0, 0), (2 * RAMP_REACH, 2 * RAMP_REACH)), mode="reflect", reflect_type="odd")
    around = [wide[:, i * RAMP_REACH : i * RAMP_REACH + width] for i in range(5)]
    changes = [after - before for before, after in pairwise(around)]
    rises, goes_on = changes[1], changes[2]
    least = np.float32(RAMP_STEP) * d
    between = ((rises > least) & (goes_on > least)) | ((rises < -least) & (goes_on < -least))
    end = np.float32(RAMP_END)
    levels_off = (np.abs(changes[0]) < end * np.abs(rises)) | (np.abs(changes[3]) < end * np.abs(goes_on))
    found: NDArray[np.bool_] = between & levels_off
    return found


def scaled_intrinsics(intrinsics: Row, size: tuple[int, int], wanted: tuple[int, int]) -> Row:
    """Intrinsics of a picture of `size` (height, width) after a resize to `wanted`; borders fall on borders."""
    fx, fy, cx, cy = intrinsics
    down, across = wanted[0] / size[0], wanted[1] / size[1]
    return fx * across, fy * down, (cx + 0.5) * across - 0.5, (cy + 0.5) * down - 0.5


def scaled_mask(seen: NDArray[np.bool_] | None, wanted: tuple[int, int]) -> NDArray[np.bool_]:
    """A mask at another size: a pixel sees the world only where all that it covers does; None sees it everywhere."""
    if seen is None:
        return np.ones(wanted, np.bool_)
    grey = Image.fromarray(np.where(seen, 255, 0).astype(np.uint8))
    small = grey.resize((wanted[1], wanted[0]), Image.Resampling.BOX)
    scaled: NDArray[np.bool_] = np.asarray(small) == 255
    return scaled
