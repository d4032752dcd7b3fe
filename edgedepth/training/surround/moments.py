"""Moments of rigs for training: all views of one instant at the network's size, read as they are needed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from edgedepth.errors import InputError, UsageError
from edgedepth.evaluation.datasets import DepthDataset, DepthSample
from edgedepth.runtime.preprocess import resize
from edgedepth.training.frames import open_source
from edgedepth.training.recipe import Recipe, Source, Targets
from edgedepth.training.rendered import supervise_exactly
from edgedepth.training.surround.rendered_rigs import CAMERAS, load_rendered_moment

_KEPT = 64  # moments in memory: small sets are read once, large ones stay on the disk
_FEWEST = 2


@dataclass(frozen=True)
class Moment:
    """All views of one instant, in ring order, at one size.

    Attributes:
        images: (N, 3, H, W) uint8 RGB.
        depths: (N, 1, H, W) float32, positive metres; only meaningful where the weight is above zero.
        weights: (N, 1, H, W) float32, at least 0.
        seen: (N, 1, H, W) bool, False where a camera sees its own vehicle.
    """

    images: torch.Tensor
    depths: torch.Tensor
    weights: torch.Tensor
    seen: torch.Tensor


class MomentBank:
    """Every training moment by its number, those of the sources first, then the rendered ones.

    Args:
        recipe: checked already.
        data: the folder that the sources' folders are relative to.
        kept: where rendered moments are kept for the next start; None keeps none.

    Attributes:
        order: numbers of the measured moments of one pass, each as often as its source asks.
        rendered: numbers of the rendered ones.
        names: of each moment's views, in ring order; unique in the recipe.

    Raises:
        InputError: a source without a rig, rigs of different numbers of cameras, or nothing to train on.
        UsageError: held-out names that do not exist, or that are a part of a moment.
    """

    def __init__(self, recipe: Recipe, data: Path, kept: Path | None) -> None:
        self._recipe, self._kept = recipe, kept
        self._frames: list[tuple[DepthDataset, tuple[str, ...]]] = []
        self.names: list[tuple[str, ...]] = []
        order: list[int] = []
        for source in recipe.sources:
            dataset, moments = trained_moments(data, source)
            for frames in moments:
                order += [len(self.names)] * source.repeat
                self._frames.append((dataset, frames))
                self.names.append(tuple(f"{source.folder}/{frame}" for frame in frames))
        self.order = tuple(order)
        streets = range(recipe.rendered.count)
        self.rendered = tuple(len(self._frames) + street for street in streets)
        folder = f"rendered-{recipe.rendered.seed}"
        self.names += [tuple(f"{folder}/{street}/{camera}" for camera in CAMERAS) for street in streets]
        self._require_one_ring()
        self.read = lru_cache(_KEPT)(self._read)

    def _require_one_ring(self) -> None:
        wanted = any(stage.batch > stage.rendered for stage in self._recipe.stages)
        if wanted and not self.order:
            raise InputError(
                "The recipe's sources hold no moment to train on.",
                f"They are {', '.join(source.folder for source in self._recipe.sources)}.",
                "Hold out fewer moments, or name a folder with more.",
            )
        counts = sorted({len(views) for views in self.names})
        if len(counts) > 1 or counts[0] < _FEWEST:
            raise InputError(
                "The training moments cannot be put into one batch.",
                f"Their numbers of cameras: {', '.join(map(str, counts))}.",
                f"Name rigs of one number of cameras, {_FEWEST} or more; rendered ones have {len(CAMERAS)}.",
            )

    def _read(self, number: int, size: tuple[int, int]) -> Moment:
        """One moment at (height, width).

        Raises:
            InputError: a file of it is missing or damaged.
            OutputError: a rendered one cannot be kept.
        """
        targets = self._recipe.targets
        if number < len(self._frames):
            dataset, frames = self._frames[number]
            return stack([view_of(dataset.read(frame), size, targets) for frame in frames])
        street = number - len(self._frames)
        images, depths = load_rendered_moment(self._recipe.rendered.seed, street, size, self._kept)
        views = []
        for image, depth in zip(images, depths, strict=True):
            target, weight = supervise_exactly(depth, targets)
            views.append((image, target, weight, np.ones(size, np.bool_)))
        return stack(views)


View = tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]
"""Picture, target, weight and what is seen of one camera."""


def stack(views: list[View]) -> Moment:
    """One moment of its views."""
    images, depths, weights, seen = (np.stack(parts) for parts in zip(*views, strict=True))
    return Moment(
        torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(),
        torch.from_numpy(depths)[:, None],
        torch.from_numpy(weights)[:, None],
        torch.from_numpy(seen)[:, None],
    )


def trained_moments(data: Path, source: Source) -> tuple[DepthDataset, list[tuple[str, ...]]]:
    """The source's dataset, and the frames of each moment that is not held out, in ring order.

    Raises:
        InputError: it is no rig.
        UsageError: held-out names that do not exist, or that are a part of a moment.
    """
    dataset, held_out = open_source(data, source)
    if not dataset.moments:
        raise InputError(
            f"{source.folder} holds no moments of a rig.",
            f"It was read as {dataset.title}, frame by frame.",
            "Metric stages need surround data; train other models on single cameras.",
        )
    for moment in dataset.moments:
        left = [name for name in moment if name not in held_out]
        if 0 < len(left) < len(moment):
            raise UsageError(
                f"The recipe holds out a part of a moment of {source.folder}.",
                f"{left[0]} is of the same moment and is not held out.",
                "Hold out whole moments, by their folders' names.",
            )
    return dataset, [moment for moment in dataset.moments if moment[0] not in held_out]


def view_of(sample: DepthSample, size: tuple[int, int], targets: Targets) -> View:
    """One camera's picture, target, weight and what it sees, at (height, width).

    The picture is resized as the runtime resizes it. Measured depth counts up to `targets.max_depth`, and only
    where the camera sees the world.
    """
    seen = np.ones(sample.image.shape[:2], np.bool_) if sample.seen is None else sample.seen
    depth = np.where(seen & (sample.depth < targets.max_depth), sample.depth, 0.0).astype(np.float32)
    small = resized_depth(depth, size)
    known = small > 0
    weight = np.where(known, targets.lidar_weight, 0.0).astype(np.float32)
    return resize(sample.image, size), np.where(known, small, 1.0).astype(np.float32), weight, resized_mask(seen, size)


def resized_depth(depth: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """Sparse depth at another size: every point keeps its depth and moves to the pixel that it falls into.

    Nothing is blended, since a mean of two surfaces is on neither; of several points in one pixel the nearest stays.

    Args:
        depth: (H, W) metres; 0 is unknown.
        size: (height, width).
    """
    rows, columns = np.nonzero(depth > 0)
    values = depth[rows, columns]
    # The centre of pixel i lies at (i + 0.5) / n of the side; in integers, so that no rounding moves a point.
    row = (2 * rows + 1) * size[0] // (2 * depth.shape[0])
    column = (2 * columns + 1) * size[1] // (2 * depth.shape[1])
    out = np.full(size, np.inf, np.float32)
    np.minimum.at(out, (row, column), values)
    return np.where(np.isfinite(out), out, 0.0).astype(np.float32)


def resized_mask(seen: NDArray[np.bool_], size: tuple[int, int]) -> NDArray[np.bool_]:
    """(H, W) at another size: a pixel is seen if all is that it covers."""
    hidden = torch.from_numpy(~seen).float()[None, None]
    out: NDArray[np.bool_] = (F.adaptive_max_pool2d(hidden, size)[0, 0] == 0).numpy()
    return out
