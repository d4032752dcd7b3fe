"""Which reader reads which folder. A new dataset is one file beside this one and one line here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgedepth.errors import InputError
from edgedepth.evaluation.datasets.base import DepthDataset
from edgedepth.evaluation.datasets.kitti2015 import Kitti2015
from edgedepth.evaluation.datasets.kitti_frames import KittiFrames


@dataclass(frozen=True)
class Reader:
    """One dataset layout: how to tell it from others, and how to open it."""

    layout: str
    recognises: Callable[[Path], bool]
    open: Callable[[Path], DepthDataset]


READERS: dict[str, Reader] = {
    "kitti2015": Reader("left/, disp_gt/, K.npy", Kitti2015.recognises, Kitti2015),
    "kitti-frames": Reader("left/, lidar_depth/, K.npy", KittiFrames.recognises, KittiFrames),
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
