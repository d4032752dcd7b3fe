"""Frames in memory with the views that explain them: neighbours in time, the other eye, or both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from edgedepth.errors import InputError
from edgedepth.evaluation.datasets import DepthDataset
from edgedepth.evaluation.datasets.camera import require_camera
from edgedepth.runtime.preprocess import resize
from edgedepth.training.frames import open_source, views_of
from edgedepth.training.recipe import Recipe, Source
from edgedepth.training.selfsupervised.geometry import resized_intrinsics
from edgedepth.training.settings import SELF_SUPERVISED

_T = TypeVar("_T", bound=np.generic)


@dataclass(frozen=True)
class Clip:
    """A target picture and what it is compared with; pictures are indices into the bank.

    Attributes:
        name: the target frame's name in its dataset.
        target: the picture whose depth is predicted.
        previous, following: its neighbours in time, both or none.
        eye: the other view of a rectified pair, or None.
        baseline: metres, the other camera's x in the target's coordinates; 0 without one.
    """

    name: str
    target: int
    previous: int | None = None
    following: int | None = None
    eye: int | None = None
    baseline: float = 0.0


@dataclass(frozen=True)
class ClipBank:
    """All pictures of the self-supervised stages, decoded once, at the largest of those stages' sizes.

    Attributes:
        images: (N, 3, H, W) uint8 RGB.
        cameras: (N, 3, 3) float32 intrinsics at that size.
        depths, weights: (N, 1, H, W) float32 metres and weight per pixel; empty unless a stage mixes in
            supervision.
        moving: (H, W) masks of what moves, by picture, where a held-out frame has one.
        clips: training and held-out ones.
        order: clip indices of one pass, each as often as its source asks.
        held_out: indices of the clips that are measured and never trained on.
    """

    images: torch.Tensor
    cameras: torch.Tensor
    depths: torch.Tensor
    weights: torch.Tensor
    moving: dict[int, NDArray[np.bool_]]
    clips: tuple[Clip, ...]
    order: tuple[int, ...]
    held_out: tuple[int, ...]


def load_clips(recipe: Recipe, data: Path, on_frame: Callable[[str], None] = lambda _: None) -> ClipBank:
    """Read every picture of the sources that offer other views.

    Raises:
        InputError: unreadable files, intrinsics that do not match, or nothing to train on.
        UsageError: a source without the views that the recipe asks for.
    """
    stages = [stage for stage in recipe.stages if stage.objective in SELF_SUPERVISED]
    size = max(stage.height for stage in stages), max(stage.width for stage in stages)
    gathering = _Gathering(recipe, size, mixed=any(stage.supervised > 0 for stage in stages))
    for source in recipe.sources:
        if source.step or source.stereo:
            dataset, held_out = open_source(data, source)
            gathering.add(dataset, replace(source, hold_out=held_out), on_frame)
    if not gathering.order:
        raise InputError(
            "The recipe's sources hold no frame with another view.",
            f"{len(gathering.images)} pictures, {len(gathering.held_out)} of them held out.",
            "Self-supervised training needs [[sources]] with step = 1 (sequences) or stereo = true (pairs).",
        )
    return gathering.bank()


@dataclass
class _Gathering:
    recipe: Recipe
    size: tuple[int, int]
    mixed: bool
    images: list[NDArray[np.uint8]] = field(default_factory=list)
    cameras: list[torch.Tensor] = field(default_factory=list)
    targets: list[tuple[NDArray[np.float32], NDArray[np.float32]]] = field(default_factory=list)
    moving: dict[int, NDArray[np.bool_]] = field(default_factory=dict)
    clips: list[Clip] = field(default_factory=list)
    order: list[int] = field(default_factory=list)
    held_out: list[int] = field(default_factory=list)

    def add(self, dataset: DepthDataset, source: Source, on_frame: Callable[[str], None]) -> None:
        """Pictures first, in the order of names (videos decode fastest that way), then the clips they make."""
        index: dict[tuple[str, int], int] = {}
        baseline = 0.0
        for name in dataset.names:
            baseline = self._pictures(dataset, name, source, index)
            on_frame(name)
        sides = (0, 1) if source.right_view else (0,)
        for name in dataset.names:
            for side in sides:
                self._clip(dataset, source, index, name, side, baseline)

    def _pictures(self, dataset: DepthDataset, name: str, source: Source, index: dict[tuple[str, int], int]) -> float:
        sample = dataset.read(name)
        require_camera(sample, dataset.title)
        both = source.stereo or source.right_view
        views = views_of(sample, self.recipe.targets, right_view=both)
        for side, (image, depth, weight) in enumerate(views):
            index[name, side] = len(self.images)
            if sample.moving is not None and side == 0 and name in source.hold_out:
                self.moving[len(self.images)] = nearest(sample.moving, self.size)
            self.images.append(resize(image, self.size))
            K = torch.from_numpy(sample.intrinsics)
            self.cameras.append(resized_intrinsics(K, image.shape[:2], self.size).float())
            if self.mixed:
                self.targets.append((nearest(depth, self.size), nearest(weight, self.size)))
        return sample.baseline or 0.0

    def _clip(
        self,
        dataset: DepthDataset,
        source: Source,
        index: dict[tuple[str, int], int],
        name: str,
        side: int,
        baseline: float,
    ) -> None:
        near = dataset.neighbours(name, source.step) if source.step else (None, None)
        timed = [index[other, side] for other in near if other is not None]
        previous, following = timed if len(timed) == 2 else (None, None)
        eye = index[name, 1 - side] if source.stereo else None
        if previous is None and eye is None:
            return
        shown = {name} | ({*near} if previous is not None else set())
        if name in source.hold_out:
            self.held_out.append(len(self.clips))
        elif shown.isdisjoint(source.hold_out):
            self.order += [len(self.clips)] * source.repeat
        else:  # a neighbour is held out
            return
        shift = 0.0 if eye is None else baseline * (1 - 2 * side)
        self.clips.append(Clip(name, index[name, side], previous, following, eye, shift))

    def bank(self) -> ClipBank:
        height, width = self.size
        nothing = torch.zeros(0, 1, height, width)
        return ClipBank(
            torch.from_numpy(np.stack(self.images)).permute(0, 3, 1, 2).contiguous(),
            torch.stack(self.cameras),
            torch.from_numpy(np.stack([depth for depth, _ in self.targets]))[:, None] if self.mixed else nothing,
            torch.from_numpy(np.stack([weight for _, weight in self.targets]))[:, None] if self.mixed else nothing,
            self.moving,
            tuple(self.clips),
            tuple(self.order),
            tuple(self.held_out),
        )


def nearest(values: NDArray[_T], size: tuple[int, int]) -> NDArray[_T]:
    """A (H, W) map at another size, by the nearest pixel: depths and masks must not be blended."""
    height, width = size
    rows = ((np.arange(height) + 0.5) * values.shape[0] / height).astype(np.intp)
    columns = ((np.arange(width) + 0.5) * values.shape[1] / width).astype(np.intp)
    out: NDArray[_T] = values[rows[:, None], columns]
    return out
