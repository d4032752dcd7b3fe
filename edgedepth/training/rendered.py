"""Rendered streets with exact depth, for where measured pictures are few."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgedepth.files import replace_whole
from edgedepth.scenes import Camera, Frame, Scene
from edgedepth.training.recipe import Rendered, Targets

_STREET_LENGTH = 250.0  # metres of a street that the camera may stand on
_YAW = 0.35  # radians either way, in a quarter of the pictures: as at a junction
_STREAM = 3  # of random numbers: apart from those of other uses of the same seed


def rendered_frames(settings: Rendered, height: int, width: int) -> Iterator[Frame]:
    """One picture of each of `settings.count` streets, every second one with traffic in the camera's own lane.

    The pictures of a count are the first ones of a larger count.
    """
    camera = Camera.kitti_like(height, width)
    for index in range(settings.count):
        rng = np.random.default_rng((settings.seed, _STREAM, index))
        scene = Scene.street(int(rng.integers(2**31)), moving=index % 2 == 1)
        pose = scene.pose(rng.uniform(0, _STREET_LENGTH))
        if rng.random() < 0.25:
            pose = pose @ _turned(rng.uniform(-_YAW, _YAW))
        yield scene.render(camera, pose, supersample=2, noise=0.008)


def _turned(angle: float) -> NDArray[np.float64]:
    turn = np.eye(4)
    turn[0, 0] = turn[2, 2] = np.cos(angle)
    turn[0, 2], turn[2, 0] = np.sin(angle), -np.sin(angle)
    return turn


def load_rendered(
    settings: Rendered, size: tuple[int, int], folder: Path, on_frame: Callable[[str], None] = lambda _: None
) -> tuple[NDArray[np.uint8], NDArray[np.float16]]:
    """Pictures (N, H, W, 3) and depths (N, H, W) in metres, 0 in the sky; kept in `folder` for the next start.

    Depth is rounded to float16, two thousandths at most, whether it was kept or not.
    """
    height, width = size
    kept = folder / f"rendered-{settings.seed}-{settings.count}-{height}x{width}.npz"
    if kept.is_file():
        with np.load(kept) as arrays:
            return arrays["images"], arrays["depths"]
    images = np.empty((settings.count, height, width, 3), np.uint8)
    depths = np.empty((settings.count, height, width), np.float16)
    for index, frame in enumerate(rendered_frames(settings, height, width)):
        images[index], depths[index] = frame.image, frame.depth
        on_frame(f"street {index + 1} of {settings.count}")
    content = io.BytesIO()
    np.savez(content, images=images, depths=depths)
    replace_whole(kept, content.getvalue())
    return images, depths


def supervise_exactly(
    depth: NDArray[np.float16] | NDArray[np.float32], targets: Targets
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Target in metres and weight of one rendered map (H, W): nothing lies beyond the sky's depth."""
    sky = depth == 0
    target = np.where(sky, targets.sky_depth, np.minimum(depth.astype(np.float32), targets.sky_depth))
    weight = np.where(sky, targets.sky_weight, targets.lidar_weight)
    return target.astype(np.float32), weight.astype(np.float32)
