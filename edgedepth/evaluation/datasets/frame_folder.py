"""Frames of one camera as a `Description` says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from edgedepth.errors import InputError
from edgedepth.evaluation.datasets.base import DepthSample, around, damaged, finite, read_array, read_rgb, read_uint16
from edgedepth.evaluation.datasets.camera import require_camera
from edgedepth.evaluation.datasets.description import NAME, DepthFiles, Description

_MILLIMETRES = 0.256  # a 16-bit PNG is read as value / 256


class FrameFolder:
    """A folder that a description belongs to.

    Args:
        root: the folder.
        description: checked already.

    Raises:
        InputError: unreadable intrinsics or poses, or another number of poses than of frames.
    """

    moments: tuple[tuple[str, ...], ...] = ()

    def __init__(self, root: Path, description: Description) -> None:
        self.root, self.description = root, description
        self.title = description.title or root.name
        self.licence = description.licence
        found = sorted(root.glob(description.images))
        self._files = {path.stem: path for path in found}
        self.names = tuple(sorted(self._files))
        if len(found) != len(self.names):
            raise InputError(
                f"Frames of {self.title} share a name.",
                f"{description.images} matches {len(found)} files with {len(self.names)} names.",
                "Describe each folder of pictures by a file of its own.",
            )
        self.intrinsics = read_intrinsics(root, description)
        self._poses = read_poses(root / description.poses, len(self.names)) if description.poses else None

    def read(self, name: str) -> DepthSample:
        """One frame with all that is described; depth is 0 where none is."""
        said = self.description
        image = read_rgb(self._files[name])
        depth, dense = np.zeros(image.shape[:2], np.float32), False
        for files in said.depth:
            depth, dense = read_depth(self.root, files, name), files.dense
        teacher = [read_depth(self.root, files, name) for files in said.teacher]
        sample = DepthSample(
            name,
            image,
            depth,
            self.intrinsics,
            teacher[0] if teacher else None,
            read_rgb(self.root / said.right.replace(NAME, name)) if said.right else None,
            said.baseline if said.right else None,
            read_mask(self.root / said.moving.replace(NAME, name)) if said.moving else None,
            None if self._poses is None else self._poses[self.names.index(name)],
            dense,
        )
        require_camera(sample, self.title)
        return sample

    def neighbours(self, name: str, step: int = 1) -> tuple[str | None, str | None]:
        """The frames before and after, where the folder is a sequence."""
        return around(self.names, name, step) if self.description.sequence else (None, None)


def read_intrinsics(root: Path, description: Description) -> NDArray[np.float64]:
    """The 3x3 matrix.

    Raises:
        InputError: an unreadable file.
    """
    if description.intrinsics_file:
        return read_array(root / description.intrinsics_file)
    fx, fy, cx, cy = description.intrinsics
    return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1.0]])


def read_depth(root: Path, files: DepthFiles, name: str) -> NDArray[np.float32]:
    """One depth map in metres, (H, W) float32.

    Raises:
        InputError: missing, damaged, not two-dimensional, or with values that are not numbers or negative.
    """
    path = root / files.files.replace(NAME, name)
    if files.format in ("npz", "npy"):
        depth = read_array(path, files.key if files.format == "npz" else None).astype(np.float32)
    else:
        depth = read_uint16(path)
        if files.format == "png-mm":
            depth = (depth * _MILLIMETRES).astype(np.float32)
    if depth.ndim != 2:
        raise damaged(path, "a depth map", ValueError(f"it has the shape {depth.shape}"))
    finite(depth, path)
    if depth.min() < 0:
        raise damaged(path, "a depth map", ValueError(f"its smallest value is {depth.min()}"))
    return depth


def read_mask(path: Path) -> NDArray[np.bool_]:
    """A picture that is above 0 where the mask holds.

    Raises:
        InputError: missing, damaged or not an image.
    """
    try:
        with Image.open(path) as image:
            values = np.asarray(image)
    except (OSError, UnidentifiedImageError, ValueError) as error:
        raise damaged(path, "a mask", error) from error
    mask: NDArray[np.bool_] = values > 0 if values.ndim == 2 else values.max(axis=2) > 0
    return mask


def read_poses(path: Path, count: int) -> NDArray[np.float64]:
    """Camera-to-world matrices, (N, 4, 4).

    Raises:
        InputError: missing, damaged, or not one per frame.
    """
    if path.suffix == ".npy":
        values = read_array(path)
    else:
        try:
            values = np.loadtxt(path, ndmin=2)
        except (OSError, ValueError) as error:
            raise damaged(path, "a table of poses", error) from error
    if len(values) != count or values.size not in (12 * count, 16 * count):
        raise InputError(
            f"{path} does not hold one pose per frame.",
            f"It has the shape {values.shape}, for {count} frames.",
            "Give 12 numbers, the upper three rows of camera to world, for each frame in the order of names.",
        )
    poses = np.tile(np.eye(4), (count, 1, 1))
    poses[:, :3] = values.reshape(count, -1, 4)[:, :3]
    return poses
