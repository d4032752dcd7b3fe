"""A rig's frames with masks of the vehicle itself, which every camera on it may see."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from edgedepth.artifact.rig_file import read_mask
from edgedepth.errors import InputError, UsageError
from edgedepth.evaluation.datasets.base import DepthDataset, DepthSample


class MaskedRig:
    """The same frames, each with `DepthSample.seen`.

    Args:
        dataset: of a rig.
        folder: holds ``CAMERA.png`` for each camera at its pictures' size: 255 where it sees the world, 0 where it
            sees its own vehicle.

    Raises:
        UsageError: the dataset is of one camera.
        InputError: a mask is missing, damaged, of another size than the camera's pictures, or dark everywhere.
    """

    def __init__(self, dataset: DepthDataset, folder: Path) -> None:
        if not dataset.moments:
            raise UsageError(
                f"{dataset.title} has no cameras to mask.",
                "Masks are named by the cameras of a rig, and its frames are of one camera.",
                "Leave --masks out.",
            )
        self._dataset = dataset
        self.title, self.licence = dataset.title, dataset.licence
        self.names, self.moments = dataset.names, dataset.moments
        first = [dataset.read(name) for name in dataset.moments[0]]
        absent = [one.camera for one in first if not (folder / f"{one.camera}.png").is_file()]
        if absent:
            raise InputError(
                f"{folder} does not have a mask for every camera of {self.title}.",
                f"Missing: {', '.join(f'{camera}.png' for camera in absent)}.",
                "Add a picture that is 255 everywhere for a camera that does not see its vehicle.",
            )
        self._seen = {one.camera: read_mask(folder / f"{one.camera}.png", one.camera, one.depth.shape) for one in first}

    def read(self, name: str) -> DepthSample:
        """One frame with its camera's mask."""
        sample = self._dataset.read(name)
        return replace(sample, seen=self._seen[sample.camera])

    def neighbours(self, name: str, step: int = 1) -> tuple[str | None, str | None]:
        """Those of the dataset."""
        return self._dataset.neighbours(name, step)
