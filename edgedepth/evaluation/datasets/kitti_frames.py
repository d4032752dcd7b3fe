"""KITTI frames at one small size with sparse LiDAR depth, some with a dense teacher and a right view."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from edgedepth.evaluation.datasets.base import (
    KITTI_LICENCE,
    DepthSample,
    around,
    damaged,
    finite,
    read_array,
    read_rgb,
    read_uint16,
)

TEACHER = "psmnet_depth_x256"


class KittiFrames:
    """A folder with ``left/*.jpg``, ``lidar_depth/*.npz`` and ``K.npy``.

    Without right views the frames are one sequence; stereo pairs are unrelated moments.
    Optional: ``psmnet_depth_x256/*.png`` (dense teacher depth, uint16, metres * 256) and ``right/*.jpg`` with
    the baseline in ``calib.json``.
    """

    licence = KITTI_LICENCE
    moments: tuple[tuple[str, ...], ...] = ()

    def __init__(self, root: Path) -> None:
        self.root = root
        self.title = root.name
        self.names = tuple(sorted(path.stem for path in (root / "left").glob("*.jpg")))
        self.intrinsics = read_array(root / "K.npy")
        self.has_teacher = (root / TEACHER).is_dir()
        self.baseline = self._read_baseline() if (root / "right").is_dir() else None

    @staticmethod
    def recognises(root: Path) -> bool:
        """Whether the folder has this layout."""
        return (root / "lidar_depth").is_dir() and any((root / "left").glob("*.jpg"))

    def _read_baseline(self) -> float:
        path = self.root / "calib.json"
        try:
            return float(json.loads(path.read_text(encoding="utf-8"))["baseline_m"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise damaged(path, "a calibration", error) from error

    def read(self, name: str) -> DepthSample:
        """One frame with LiDAR depth, and teacher depth and right view where the folder has them."""
        path = self.root / "lidar_depth" / f"{name}.npz"
        lidar = finite(read_array(path, "depth").astype(np.float32), path)
        return DepthSample(
            name,
            read_rgb(self.root / "left" / f"{name}.jpg"),
            lidar,
            self.intrinsics,
            read_uint16(self.root / TEACHER / f"{name}.png") if self.has_teacher else None,
            read_rgb(self.root / "right" / f"{name}.jpg") if self.baseline is not None else None,
            self.baseline,
        )

    def neighbours(self, name: str, step: int = 1) -> tuple[str | None, str | None]:
        """The frames before and after, where the folder is a sequence."""
        return around(self.names, name, step) if self.baseline is None else (None, None)
