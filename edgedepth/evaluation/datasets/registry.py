"""Which reader reads which folder. A new dataset is one file beside this one and one line here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgedepth.errors import InputError
from edgedepth.evaluation.datasets import sequences, video_clips
from edgedepth.evaluation.datasets.base import DepthDataset
from edgedepth.evaluation.datasets.description import FILE_NAME, read_description
from edgedepth.evaluation.datasets.frame_folder import FrameFolder, read_intrinsics
from edgedepth.evaluation.datasets.kitti2015 import Kitti2015
from edgedepth.evaluation.datasets.kitti_frames import KittiFrames
from edgedepth.evaluation.datasets.surround import LAYOUT as SURROUND_LAYOUT
from edgedepth.evaluation.datasets.surround import SurroundFrames


@dataclass(frozen=True)
class Reader:
    """One dataset layout: how to tell it from others, and how to open it."""

    layout: str
    recognises: Callable[[Path], bool]
    open: Callable[[Path], DepthDataset]


def _is_described(root: Path) -> bool:
    return (root / FILE_NAME).is_file()


def _open_described(root: Path) -> DepthDataset:
    said = read_description(root / FILE_NAME)
    clip = root / said.images
    if video_clips.is_video(clip):
        camera = read_intrinsics(root, said)
        return video_clips.VideoClips(
            said.title or root.name, {clip.stem: video_clips.Clip(clip, camera)}, said.licence
        )
    return FrameFolder(root, said)


# The first that recognises a folder reads it: what its owner wrote down comes before any guess.
READERS: dict[str, Reader] = {
    "described": Reader(FILE_NAME, _is_described, _open_described),
    "kitti2015": Reader("left/, disp_gt/, K.npy", Kitti2015.recognises, Kitti2015),
    "kitti-frames": Reader("left/, lidar_depth/, K.npy", KittiFrames.recognises, KittiFrames),
    "kitti-raw": Reader("left/, right/, lidar_depth_left/, K.npy", sequences.is_raw, sequences.open_raw),
    "kitti-odometry": Reader("left/, poses.txt, K.npy", sequences.is_odometry, sequences.open_odometry),
    "surround": Reader(SURROUND_LAYOUT, SurroundFrames.recognises, SurroundFrames),
    "video": Reader("videos, K_WIDTHxHEIGHT.npy", video_clips.recognises, video_clips.open_clips),
}


def open_dataset(root: Path) -> DepthDataset:
    """The dataset in that folder.

    Raises:
        InputError: no reader knows the layout, or it holds no frames.
    """
    for reader in READERS.values():
        if reader.recognises(root):
            dataset = reader.open(root)
            if dataset.names:
                return dataset
    held = ", ".join(sorted(p.name for p in root.iterdir())[:6]) if root.is_dir() else "nothing: no such folder"
    known = "; ".join(f"{name} ({reader.layout})" for name, reader in READERS.items())
    raise InputError(f"{root} is not a dataset that can be read.", f"It holds {held}.", f"Known layouts: {known}.")
