"""What every reader gives: one typed sample per frame, the same for evaluation and for training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from edgedepth.errors import InputError

KITTI_LICENCE = (
    "Trained on KITTI pictures (CC BY-NC-SA 3.0, Geiger et al.): for non-commercial use, to be shared alike."
)


@dataclass(frozen=True)
class DepthSample:
    """One frame. All maps share the image's size.

    Attributes:
        name: the frame's name, unique in its dataset.
        image: (H, W, 3) uint8 RGB, the left view of a stereo pair.
        depth: (H, W) float32, measured z-depth along the optical axis in metres; 0 is not measured.
        intrinsics: (3, 3) float64 in pixels; pixel centres lie at integer coordinates.
        teacher: (H, W) float32 dense depth in metres from another network, never ground truth; 0 is invalid.
        right: (H, W, 3) uint8 RGB, the right view of the rectified pair.
        baseline: metres between the two views.
        moving: (H, W) boolean, pixels of things that move.
        pose: (4, 4) float64, camera to world in metres; x right, y down, z forward.
        dense: `depth` says everything: where it is 0 there is nothing within reach, such as sky.
        camera: which camera of a rig took it; empty where there is only one.
        rig_pose: (4, 4) float64, camera to vehicle in metres; the vehicle's x is forward, y left, z up.
        seen: (H, W) boolean, False where the camera sees its own vehicle: ground truth there does not count.
    """

    name: str
    image: NDArray[np.uint8]
    depth: NDArray[np.float32]
    intrinsics: NDArray[np.float64]
    teacher: NDArray[np.float32] | None = None
    right: NDArray[np.uint8] | None = None
    baseline: float | None = None
    moving: NDArray[np.bool_] | None = None
    pose: NDArray[np.float64] | None = None
    dense: bool = False
    camera: str = ""
    rig_pose: NDArray[np.float64] | None = None
    seen: NDArray[np.bool_] | None = None

    @property
    def measured(self) -> NDArray[np.bool_]:
        """(H, W): where ground truth counts, that is above 0 and not on the camera's own vehicle."""
        held: NDArray[np.bool_] = self.depth > 0
        return held if self.seen is None else held & self.seen

    def __post_init__(self) -> None:
        """Refuse maps of another size than the image's.

        Raises:
            InputError: naming the map.
        """
        size = self.image.shape[:2]
        for name, values in (
            ("depth", self.depth),
            ("teacher depth", self.teacher),
            ("right view", self.right),
            ("mask of moving things", self.moving),
            ("mask of what the camera sees", self.seen),
        ):
            if values is not None and values.shape[:2] != size:
                raise InputError(
                    f"Frame {self.name} does not fit together.",
                    f"The {name} has the size {values.shape[:2]}, the picture {size}.",
                    "Copy the dataset again.",
                )


class DepthDataset(Protocol):
    """A folder of frames, read one at a time.

    Attributes:
        title: what to call it in a table.
        names: the frames' names, sorted.
        licence: of the pictures, one sentence for the notes of weights trained on them; empty if unknown.
        moments: of a rig, the names of the frames of each moment, in ring order; empty for any other set.
    """

    @property
    def title(self) -> str:
        """What to call it in a table."""

    @property
    def licence(self) -> str:
        """Of the pictures; empty if unknown."""

    @property
    def names(self) -> tuple[str, ...]:
        """The frames' names, sorted."""

    @property
    def moments(self) -> tuple[tuple[str, ...], ...]:
        """Names of the frames of each moment in ring order; empty where there is no rig."""

    def read(self, name: str) -> DepthSample:
        """One frame.

        Raises:
            InputError: a file of the frame is missing or damaged.
        """

    def neighbours(self, name: str, step: int = 1) -> tuple[str | None, str | None]:
        """The frames `step` before and after in the same sequence; None where there is none."""


def around(names: Sequence[str], name: str, step: int) -> tuple[str | None, str | None]:
    """The names `step` before and after in one sequence; None beyond its ends."""
    index = names.index(name)
    before, after = index - step, index + step
    return names[before] if before >= 0 else None, names[after] if after < len(names) else None


def read_rgb(path: Path) -> NDArray[np.uint8]:
    """An image file as (H, W, 3) uint8 RGB.

    Raises:
        InputError: missing, damaged, not an image, or one with more than 8 bits, such as a depth map.
    """
    try:
        with Image.open(path) as image:
            if image.mode == "F" or image.mode.startswith("I"):
                raise ValueError(f"it has the mode {image.mode}, not 8 bits per channel")
            return np.asarray(image.convert("RGB"))
    except (OSError, UnidentifiedImageError, ValueError) as error:
        raise damaged(path, "an image", error) from error


def read_uint16(path: Path) -> NDArray[np.float32]:
    """A 16-bit PNG divided by 256, KITTI's fixed-point form of disparity and depth; (H, W) float32.

    Raises:
        InputError: missing, damaged or not a single-channel image.
    """
    try:
        with Image.open(path) as image:
            values = np.asarray(image)
    except (OSError, UnidentifiedImageError, ValueError) as error:
        raise damaged(path, "a 16-bit image", error) from error
    if values.ndim != 2:
        raise damaged(path, "a 16-bit image", ValueError(f"it has {values.shape[-1]} channels"))
    return (values.astype(np.float64) / 256.0).astype(np.float32)


def read_array(path: Path, key: str | None = None) -> NDArray[np.float64]:
    """A NumPy file, or the entry `key` of an .npz, as float64.

    Raises:
        InputError: missing, damaged or without that entry.
    """
    try:
        loaded = np.load(path, allow_pickle=False)
        return np.asarray(loaded if key is None else loaded[key], dtype=np.float64)
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise damaged(path, "a NumPy array", error) from error


def finite(depth: NDArray[np.float32], path: Path) -> NDArray[np.float32]:
    """The same depth.

    Raises:
        InputError: it holds NaN or infinite values; one such pixel would spoil every figure and every weight.
    """
    wrong = int(np.count_nonzero(~np.isfinite(depth)))
    if wrong:
        raise InputError(
            f"{path} holds depth that is not a number.",
            f"{wrong} of {depth.size} pixels are NaN or infinite.",
            "Write 0 where the depth is unknown.",
        )
    return depth


def damaged(path: Path, kind: str, error: Exception) -> InputError:
    """The error of a dataset file that cannot be read."""
    return InputError(
        f"{path} cannot be read as {kind}.",
        "It does not exist." if not path.exists() else (str(error).splitlines() or [type(error).__name__])[0],
        "Copy the dataset again; its layout is described in the README beside it.",
    )
