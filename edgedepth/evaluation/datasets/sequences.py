"""Layouts of known sets that need no ``dataset.toml``: each is a description written here."""

from __future__ import annotations

from pathlib import Path

from edgedepth.evaluation.datasets.base import KITTI_LICENCE
from edgedepth.evaluation.datasets.description import DepthFiles, Description
from edgedepth.evaluation.datasets.frame_folder import FrameFolder

# KITTI's left and right colour cameras, recording day 2011_09_26.
_BASELINE = 0.53273

ODOMETRY = Description("left/*.jpg", licence=KITTI_LICENCE, intrinsics_file="K.npy", sequence=True, poses="poses.txt")
RAW = Description(
    "left/*.jpg",
    licence=KITTI_LICENCE,
    intrinsics_file="K.npy",
    sequence=True,
    right="right/{name}.jpg",
    baseline=_BASELINE,
    poses="T_world_cam_pnp.npy",
    depth=(DepthFiles("lidar_depth_left/{name}.npz", "npz"),),
)


def is_odometry(root: Path) -> bool:
    """Whether the folder has the layout of `ODOMETRY`: pictures and a pose for each, no depth."""
    return (root / "poses.txt").is_file() and (root / "K.npy").is_file() and any((root / "left").glob("*.jpg"))


def open_odometry(root: Path) -> FrameFolder:
    """A KITTI odometry sequence."""
    return FrameFolder(root, ODOMETRY)


def is_raw(root: Path) -> bool:
    """Whether the folder has the layout of `RAW`: a stereo sequence with LiDAR and poses."""
    return (root / "lidar_depth_left").is_dir() and (root / "right").is_dir() and (root / "K.npy").is_file()


def open_raw(root: Path) -> FrameFolder:
    """A piece of a KITTI raw drive."""
    return FrameFolder(root, RAW)
