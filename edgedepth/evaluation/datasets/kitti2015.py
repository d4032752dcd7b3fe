"""KITTI Stereo 2015 frames with ground-truth disparity (Menze and Geiger, "Object Scene Flow", 2015)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgedepth.evaluation.datasets.base import KITTI_LICENCE, DepthSample, read_array, read_rgb, read_uint16

# Focal length times baseline of the recording day 2011_09_26: 721.5377 px * 0.53273 m.
FOCAL_BASELINE = 384.3816
BASELINE = 0.53273


class Kitti2015:
    """A folder with ``left/``, ``disp_gt/`` and ``K.npy``; full size, 1242x375.

    Ground truth is the disparity of KITTI 2015: LiDAR accumulated over several frames, with cars replaced by
    fitted CAD models. ``depth = 384.3816 / disparity``, no crop.
    """

    title = "KITTI 2015"
    licence = KITTI_LICENCE
    moments: tuple[tuple[str, ...], ...] = ()

    def __init__(self, root: Path) -> None:
        self.root = root
        self.names = tuple(sorted(path.stem for path in (root / "disp_gt").glob("*.png")))
        self.intrinsics = read_array(root / "K.npy")

    @staticmethod
    def recognises(root: Path) -> bool:
        """Whether the folder has this layout."""
        return (root / "disp_gt").is_dir() and (root / "left").is_dir()

    def read(self, name: str) -> DepthSample:
        """One frame with its measured depth."""
        disparity = read_uint16(self.root / "disp_gt" / f"{name}.png")
        valid = disparity > 0
        depth = np.where(valid, FOCAL_BASELINE / np.where(valid, disparity, 1.0), 0.0).astype(np.float32)
        image = read_rgb(self.root / "left" / f"{name}.png")
        return DepthSample(name, image, depth, self.intrinsics, baseline=BASELINE)

    def neighbours(self, name: str, step: int = 1) -> tuple[str | None, str | None]:  # noqa: ARG002
        """None: every frame is from another place."""
        return None, None
