"""Moments of a rendered rig: six cameras around a car in a street, with exact depth."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgedepth.errors import OutputError
from edgedepth.files import replace_whole
from edgedepth.scenes import Camera, Frame, Scene

# Of each camera in ring order: heading in degrees, positive to the left; focal length over the picture's width;
# metres forward and to the left of the car's middle. Rounded from DDAD's, whose front camera has twice the reach.
CAMERAS: dict[str, tuple[float, float, float, float]] = {
    "front": (0.0, 1.1, 0.7, 0.0),
    "front-right": (-55.0, 0.55, 0.7, -0.4),
    "rear-right": (-125.0, 0.55, 0.3, -0.4),
    "rear": (180.0, 0.55, -0.7, 0.0),
    "rear-left": (125.0, 0.55, 0.3, 0.4),
    "front-left": (55.0, 0.55, 0.7, 0.4),
}
_STREET_LENGTH = 250.0  # metres of a street that the car may stand on
_STREAM = 5  # of random numbers: apart from those of other uses of the same seed


def rig_cameras(height: int, width: int) -> list[tuple[Camera, NDArray[np.float64]]]:
    """Each camera of `CAMERAS`, and its 4x4 pose in the frame of a camera in the car's middle that looks ahead."""
    found = []
    for heading, focal, ahead, left in CAMERAS.values():
        # DDAD's pictures are 1.6 times as wide as high; of another shape they are stretched, as its resized ones are.
        K = [[focal * width, 0, (width - 1) / 2], [0, focal * 1.6 * height, (height - 1) / 2], [0, 0, 1]]
        angle = np.radians(heading)
        pose = np.eye(4)
        pose[0, 0] = pose[2, 2] = np.cos(angle)
        pose[0, 2], pose[2, 0] = -np.sin(angle), np.sin(angle)
        pose[0, 3], pose[2, 3] = -left, ahead
        found.append((Camera(np.array(K), width, height), pose))
    return found


def rendered_moment(seed: int, street: int, size: tuple[int, int]) -> list[Frame]:
    """One moment in one street at (height, width), all cameras in ring order; every second street has traffic."""
    rng = np.random.default_rng((seed, _STREAM, street))
    scene = Scene.street(int(rng.integers(2**31)), moving=street % 2 == 1)
    car = scene.pose(rng.uniform(0, _STREET_LENGTH))
    return [scene.render(camera, car @ pose, supersample=2, noise=0.008) for camera, pose in rig_cameras(*size)]


def load_rendered_moment(
    seed: int, street: int, size: tuple[int, int], folder: Path | None
) -> tuple[NDArray[np.uint8], NDArray[np.float16]]:
    """Pictures (N, H, W, 3) and depths (N, H, W) in metres, 0 in the sky; kept in `folder`, if any, once rendered.

    Depth is rounded to float16, half a thousandth at most, whether it was kept or not.

    Raises:
        OutputError: the folder cannot be written.
    """
    kept = folder and folder / f"rendered-rigs-{seed}-{size[0]}x{size[1]}" / f"{street}.npz"
    if kept and kept.is_file():
        with np.load(kept) as arrays:
            return arrays["images"], arrays["depths"]
    frames = rendered_moment(seed, street, size)
    images = np.stack([frame.image for frame in frames])
    depths = np.stack([frame.depth for frame in frames]).astype(np.float16)
    if kept:
        _keep(kept, images, depths)
    return images, depths


def _keep(file: Path, images: NDArray[np.uint8], depths: NDArray[np.float16]) -> None:
    content = io.BytesIO()
    np.savez(content, images=images, depths=depths)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        replace_whole(file, content.getvalue())
    except OSError as error:
        raise OutputError(f"{file} could not be written.", str(error), "Free some space, then go on.") from error
