"""The pictures behind a quantized file: which calibrate it, and which are held out to judge it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgedepth.artifact.manifest import CalibrationFacts
from edgedepth.errors import InputError
from edgedepth.evaluation.datasets import READERS, DepthDataset, open_dataset
from edgedepth.evaluation.datasets.base import read_rgb
from edgedepth.export.references import picture_files
from edgedepth.runtime.preprocess import resize
from edgedepth.scenes import street_frames

MOST_CALIBRATING, MOST_HELD_OUT = 32, 16
FEWEST = 3
"""Two to calibrate on and one to judge by."""
_SYNTHETIC = 8
_SCENE_SEED = 2025
_Item = tuple[str, NDArray[np.uint8], NDArray[np.float32] | None]  # name, picture, truth


@dataclass(frozen=True)
class HeldOut:
    """A picture that judges.

    Attributes:
        name: for messages.
        image: (H, W, 3) uint8 RGB at its own size.
        truth: (H, W) float32 metres, 0 where nothing was measured; None without ground truth.
    """

    name: str
    image: NDArray[np.uint8]
    truth: NDArray[np.float32] | None


@dataclass(frozen=True)
class CalibrationSet:
    """Pictures in two parts that share none.

    Attributes:
        calibrating: (h, w, 3) uint8 RGB at the network's size.
        held_out: at their own size.
        facts: for the manifest.
    """

    calibrating: tuple[NDArray[np.uint8], ...]
    held_out: tuple[HeldOut, ...]
    facts: CalibrationFacts

    def batches(self, batch: int, layout: str) -> list[NDArray[np.float32]]:
        """The calibrating pictures as a graph's float inputs in 0..1; the last batch starts over where it must."""
        count = len(self.calibrating)
        found = []
        for start in range(0, count, batch):
            stacked = np.stack([self.calibrating[(start + i) % count] for i in range(batch)])
            values = stacked.astype(np.float32) / np.float32(255)
            found.append(np.ascontiguousarray(values.transpose(0, 3, 1, 2)) if layout == "NCHW" else values)
        return found


def calibration_set(folder: Path | None, size: tuple[int, int]) -> CalibrationSet:
    """Choose by name alone: every run on the same folder takes the same pictures.

    Held out is an even spread of at most a third and at most 16 of all pictures, calibrating one of at most 32 of the
    others. A data set that `edgedepth eval` reads brings its ground truth along.

    Args:
        folder: pictures, or a data set. None renders streets, which prove arithmetic only.
        size: (height, width) of the network's input.

    Raises:
        InputError: no folder, too few pictures, or one that cannot be read.
    """
    if folder is None:
        frames = street_frames(_SCENE_SEED, _SYNTHETIC, *size)
        items: list[_Item] = [(f"street-{i}", f.image, f.depth) for i, f in enumerate(frames)]
        return _split(items, size, "rendered street scenes", synthetic=True)
    dataset = _dataset(folder)
    names = dataset.names if dataset else tuple(path.name for path in picture_files(folder))
    if len(names) < FEWEST:
        raise InputError(
            f"{folder} has too few pictures to calibrate on.",
            f"It has {len(names)}; at least {FEWEST} are needed, of which one is held out to judge the result.",
            "Name a folder with more pictures; some dozens are better.",
        )
    taken = sorted(set(_held_out(len(names))) | set(_calibrating(len(names))))
    items = [(names[i], *_read(folder, dataset, names[i])) for i in taken]
    kind = "frames of a data set" if dataset else "pictures of a folder"
    return _split(items, size, f"{len(names)} {kind}", synthetic=False, chosen=(taken, len(names)))


def _dataset(folder: Path) -> DepthDataset | None:
    return open_dataset(folder) if any(reader.recognises(folder) for reader in READERS.values()) else None


def _read(
    folder: Path, dataset: DepthDataset | None, name: str
) -> tuple[NDArray[np.uint8], NDArray[np.float32] | None]:
    if dataset is None:
        return read_rgb(folder / name), None
    sample = dataset.read(name)
    truth = sample.depth if sample.seen is None else np.where(sample.seen, sample.depth, np.float32(0))
    return sample.image, truth if (truth > 0).any() else None


def _spread(candidates: list[int], count: int) -> list[int]:
    if count >= len(candidates):
        return candidates
    return [candidates[(2 * i + 1) * len(candidates) // (2 * count)] for i in range(count)]


def _held_out(total: int) -> list[int]:
    return _spread(list(range(total)), min(MOST_HELD_OUT, total // 3))


def _calibrating(total: int) -> list[int]:
    held = set(_held_out(total))
    return _spread([i for i in range(total) if i not in held], MOST_CALIBRATING)


def _split(
    items: list[_Item],
    size: tuple[int, int],
    description: str,
    *,
    synthetic: bool,
    chosen: tuple[list[int], int] | None = None,
) -> CalibrationSet:
    taken, total = chosen or (list(range(len(items))), len(items))
    held = set(_held_out(total))
    judged = tuple(HeldOut(*item) for i, item in zip(taken, items, strict=True) if i in held)
    pictures = tuple(resize(item[1], size) for i, item in zip(taken, items, strict=True) if i not in held)
    digest = hashlib.sha256()
    for picture in pictures:
        digest.update(picture.tobytes())
    facts = CalibrationFacts(
        description=f"{len(pictures)} of {description}",
        pictures=len(pictures),
        sha256=digest.hexdigest(),
        synthetic=synthetic,
    )
    return CalibrationSet(pictures, judged, facts)
