"""Rendered pictures for refiners: a street as the coarse model sees it, and patches of it at full resolution.

Only what a step needs is rendered: the whole picture at the coarse model's size, and some patches of the picture that
is `PUBLISHED_GRID` times as large per side. Depth is exact and changes from one pixel to the next at every border.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgedepth.errors import OutputError
from edgedepth.files import replace_whole
from edgedepth.models.patchrefiner.nano import PUBLISHED_GRID
from edgedepth.scenes import Camera, Scene
from edgedepth.training.settings import PATCH

PATCHES = 6
"""Of each picture."""
STEP = 32
"""Pixels that patches start at multiples of: cells of coarse features and of the patch's levels then coincide."""
BORDER = math.log(1.1)
"""Step of log depth between neighbouring pixels from which they lie on either side of a border."""
_TRIES = 3
_STREET_LENGTH = 250.0  # metres of a street that the camera may stand on
_STREAM = 6  # of random numbers: apart from those of other uses of the same seed
_FOCAL = (0.5, 1.3)  # over the picture's width
_ASPECT = (0.75, 2.4)  # of the picture before it was brought to the network's size
_LOWER, _HIGHER = 0.8, 1.5  # metres that the camera may be moved from where a car has it


@dataclass(frozen=True)
class CloseUps:
    """One picture. Depth is in metres, 0 in the sky.

    Attributes:
        whole: (H, W, 3) uint8, all of it.
        depth: (H, W) float16.
        patches: (N, h, w, 3) uint8, of the picture that is `PUBLISHED_GRID` times as large per side.
        depths: (N, h, w) float16.
        places: (N, 2) int64, their first row and column there.
    """

    whole: NDArray[np.uint8]
    depth: NDArray[np.float16]
    patches: NDArray[np.uint8]
    depths: NDArray[np.float16]
    places: NDArray[np.int64]


def street_view(seed: int, street: int, size: tuple[int, int]) -> tuple[Scene, Camera, NDArray[np.float64]]:
    """A street, a camera of (height, width) and its pose: any heading, field of view and stretch.

    A picture of any shape is stretched to the coarse model's, so one focal length becomes two.
    """
    height, width = size
    rng = np.random.default_rng((seed, _STREAM, street))
    scene = Scene.street(int(rng.integers(2**31)), moving=street % 2 == 1)
    pose = scene.pose(rng.uniform(0, _STREET_LENGTH))
    yaw = rng.uniform(-0.35, 0.35) if rng.random() < 0.5 else rng.uniform(-math.pi, math.pi)
    pose = pose @ _turn(0, 2, yaw) @ _turn(1, 2, rng.normal(0, 0.06)) @ _turn(0, 1, rng.normal(0, 0.03))
    pose[1, 3] += rng.uniform(-_HIGHER, _LOWER)  # y points down
    focal = math.exp(rng.uniform(*np.log(_FOCAL)))
    aspect = math.exp(rng.uniform(*np.log(_ASPECT)))
    middle = (width - 1) / 2, (height - 1) / 2 + rng.uniform(-0.1, 0.1) * height
    K = [[focal * width, 0, middle[0]], [0, focal * aspect * height, middle[1]], [0, 0, 1]]
    return scene, Camera(np.array(K), width, height), pose


def part_of(camera: Camera, top: int, left: int, size: tuple[int, int]) -> Camera:
    """The camera that takes only that part, of (height, width), of another's picture."""
    K = camera.K.copy()
    K[:2, 2] -= left, top
    return Camera(K, size[1], size[0])


def render_close_ups(seed: int, street: int, size: tuple[int, int]) -> CloseUps:
    """One picture of one street, `size` (H, W) of the whole; patches prefer places with many borders."""
    scene, camera, pose = street_view(seed, street, size)
    whole = scene.render(camera, pose, supersample=2, noise=0.004)
    large = camera.magnified(PUBLISHED_GRID)
    places = _places(np.random.default_rng((seed, _STREAM, street, 1)), whole.depth)
    frames = [
        scene.render(part_of(large, top, left, PATCH), pose, supersample=2, noise=0.008)
        for top, left in places.tolist()
    ]
    return CloseUps(
        whole.image,
        whole.depth.astype(np.float16),
        np.stack([frame.image for frame in frames]),
        np.stack([frame.depth for frame in frames]).astype(np.float16),
        places,
    )


def borders(depth: NDArray[np.floating]) -> NDArray[np.uint8]:
    """How many of a pixel's neighbours above and to the left lie at another depth; `depth` is of one (H, W) view."""
    logarithm = np.log(np.where(depth > 0, depth, 1000.0))
    jumps = np.zeros(depth.shape, np.uint8)
    jumps[:, 1:] += np.abs(np.diff(logarithm, axis=1)) > BORDER
    jumps[1:] += np.abs(np.diff(logarithm, axis=0)) > BORDER
    return jumps


def _places(rng: np.random.Generator, depth: NDArray[np.float32]) -> NDArray[np.int64]:
    """Of some places drawn for each patch the one with most borders; `depth` is the whole picture's."""
    jumps = borders(depth)
    last = [(side * PUBLISHED_GRID - part) // STEP for side, part in zip(depth.shape, PATCH, strict=True)]
    found = []
    for _ in range(PATCHES):
        drawn = rng.integers(0, np.array(last) + 1, (_TRIES, 2)) * STEP
        found.append(max(drawn.tolist(), key=lambda place: _borders(jumps, place)))
    return np.array(found, np.int64)


def _borders(jumps: NDArray[np.uint8], place: list[int]) -> float:
    (top, left), (height, width) = place, PATCH
    rows = slice(top // PUBLISHED_GRID, (top + height) // PUBLISHED_GRID)
    columns = slice(left // PUBLISHED_GRID, (left + width) // PUBLISHED_GRID)
    return float(jumps[rows, columns].sum())


def load_close_ups(seed: int, street: int, size: tuple[int, int], folder: Path) -> CloseUps:
    """As `render_close_ups`, kept in `folder` once rendered.

    Raises:
        OutputError: the folder cannot be written.
    """
    kept = folder / f"rendered-close-ups-{seed}-{size[0]}x{size[1]}" / f"{street}.npz"
    if kept.is_file():
        with np.load(kept) as arrays:
            return CloseUps(*(arrays[name] for name in ("whole", "depth", "patches", "depths", "places")))
    made = render_close_ups(seed, street, size)
    content = io.BytesIO()
    np.savez(content, **vars(made))
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        replace_whole(kept, content.getvalue())
    except OSError as error:
        raise OutputError(f"{kept} could not be written.", str(error), "Free some space, then go on.") from error
    return made


def _turn(a: int, b: int, angle: float) -> NDArray[np.float64]:
    matrix = np.eye(4)
    matrix[a, a] = matrix[b, b] = math.cos(angle)
    matrix[a, b], matrix[b, a] = math.sin(angle), -math.sin(angle)
    return matrix
