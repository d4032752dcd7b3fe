"""Training frames in memory: pictures with one target depth and one weight per pixel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from edgedepth.errors import InputError, UsageError
from edgedepth.evaluation.datasets import DepthDataset, DepthSample, open_dataset
from edgedepth.evaluation.datasets.camera import require_camera
from edgedepth.evaluation.datasets.masks import MaskedRig
from edgedepth.training.recipe import Recipe, Source, Targets
from edgedepth.training.rendered import load_rendered, supervise_exactly
from edgedepth.training.sky import looks_like_sky


@dataclass(frozen=True)
class FrameBank:
    """All training frames, decoded once.

    Attributes:
        images: (N, 3, H, W) uint8 RGB.
        depths: (N, 1, H, W) float32 metres; only meaningful where the weight is above zero.
        weights: (N, 1, H, W) float32, at least 0.
        order: indices of the measured frames of one pass, each as often as its source asks.
        rendered: indices of the rendered ones.
    """

    images: torch.Tensor
    depths: torch.Tensor
    weights: torch.Tensor
    order: tuple[int, ...]
    rendered: tuple[int, ...] = ()


def open_source(data: Path, source: Source) -> tuple[DepthDataset, tuple[str, ...]]:
    """The source's dataset and the names of its frames that are held out, those of named folders among them.

    Raises:
        InputError: unreadable files, of masks too.
        UsageError: a held-out name that the dataset does not have, or masks for a single camera.
    """
    dataset = open_dataset(data / source.folder)
    if source.masks:
        dataset = MaskedRig(dataset, data / source.masks)
    folders = {name.rpartition("/")[0] for name in dataset.names} - {""}
    unknown = sorted(set(source.hold_out) - set(dataset.names) - folders)
    if unknown:
        raise UsageError(
            f"The recipe holds out frames that {source.folder} does not have.",
            f"Unknown: {', '.join(unknown[:4])}.",
            f"Its frames run from {dataset.names[0]} to {dataset.names[-1]}.",
        )
    wanted = set(source.hold_out)
    return dataset, tuple(name for name in dataset.names if not wanted.isdisjoint((name, name.rpartition("/")[0])))


def load_frames(
    recipe: Recipe, data: Path, kept: Path | None = None, on_frame: Callable[[str], None] = lambda _: None
) -> FrameBank:
    """Read every training frame of the recipe into memory, and render those that it asks for.

    Args:
        recipe: checked already.
        data: the folder that the sources' folders are relative to.
        kept: where rendered frames are kept for the next start; needed if the recipe has any.
        on_frame: told each frame's name.

    Raises:
        InputError: unreadable files, frames of different sizes, or nothing to train on.
    """
    images: list[NDArray[np.uint8]] = []
    depths: list[NDArray[np.float32]] = []
    weights: list[NDArray[np.float32]] = []
    order: list[int] = []
    for source in recipe.sources:
        dataset, held_out = open_source(data, source)
        for name in (name for name in dataset.names if name not in held_out):
            sample = dataset.read(name)
            for image, depth, weight in views_of(sample, recipe.targets, right_view=source.right_view):
                order += [len(images)] * source.repeat
                images.append(image)
                depths.append(depth)
                weights.append(weight)
            on_frame(name)
    shapes = {image.shape for image in images}
    if len(shapes) != 1:
        raise InputError(
            "The training frames cannot be put into one batch.",
            f"Their sizes: {sorted(shapes)}.",
            "Name sources whose pictures share one size, with at least one frame to train on.",
        )
    measured = len(images)
    if recipe.rendered.count and kept is not None:
        height, width = images[0].shape[:2]
        pictures, truths = load_rendered(recipe.rendered, (height, width), kept, on_frame)
        images += list(pictures)
        for target, weight in (supervise_exactly(truth, recipe.targets) for truth in truths):
            depths.append(target)
            weights.append(weight)
    return FrameBank(
        torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous(),
        torch.from_numpy(np.stack(depths))[:, None],
        torch.from_numpy(np.stack(weights))[:, None],
        tuple(order),
        tuple(range(measured, len(images))),
    )


def views_of(
    sample: DepthSample, targets: Targets, *, right_view: bool
) -> list[tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.float32]]]:
    """Picture, target and weight of the left view, and of the right one where it is asked for.

    Raises:
        UsageError: there is no right view.
        InputError: the intrinsics, which carry depth to the right view, do not match the frame.
    """
    target, weight = supervise(sample.image, sample.depth, sample.teacher, targets)
    if sample.dense:
        target, weight = supervise_exactly(sample.depth, targets)
    views = [(sample.image, target, weight)]
    if right_view:
        if sample.right is None or sample.baseline is None:
            raise UsageError(
                f"Frame {sample.name} has no right view.",
                "The recipe asks for right_view or stereo of its source.",
                "Set them to false for that source.",
            )
        require_camera(sample, "the source")
        product = sample.intrinsics[0, 0] * sample.baseline
        lidar = carry_to_right(sample.depth, product)
        teacher = None if sample.teacher is None else carry_to_right(sample.teacher, product)
        views.append((sample.right, *supervise(sample.right, lidar, teacher, targets)))
    return views


def supervise(
    image: NDArray[np.uint8],
    lidar: NDArray[np.float32],
    teacher: NDArray[np.float32] | None,
    targets: Targets,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """One target and one weight per pixel: LiDAR first, else far where it looks like sky, else the teacher.

    Args:
        image: (H, W, 3) uint8 RGB.
        lidar: (H, W) metres, 0 is invalid.
        teacher: the same, or None.
        targets: weights and limits.

    Returns:
        Depth in metres and weight, both (H, W) float32.
    """
    depth = np.ones_like(lidar)
    weight = np.zeros_like(lidar)
    if teacher is not None:
        valid = (teacher > 0) & (teacher < targets.max_depth)
        trusted = np.arange(lidar.shape[0]) >= targets.trusted_row * lidar.shape[0]
        by_row = np.where(trusted, targets.teacher_weight, targets.teacher_top_weight)[:, None]
        depth[valid] = teacher[valid]
        weight[valid] = np.broadcast_to(by_row, weight.shape)[valid]
        sky = looks_like_sky(image)
        depth[sky], weight[sky] = targets.sky_depth, targets.sky_weight
    measured = (lidar > 0) & (lidar < targets.max_depth)
    depth[measured], weight[measured] = lidar[measured], targets.lidar_weight
    return depth, weight


def carry_to_right(depth: NDArray[np.float32], focal_baseline: float) -> NDArray[np.float32]:
    """Depth of the left view carried to the right view of a rectified pair; the nearer surface wins.

    A left pixel (x, y) at depth z lies at (x - fB/z, y) in the right view, at the same z. Each lands on the
    two nearest columns, which closes the gaps of stretched surfaces; what only the right camera sees stays 0.

    Args:
        depth: (H, W) metres, 0 is invalid.
        focal_baseline: focal length in pixels of this image, times the baseline in metres.
    """
    height, width = depth.shape
    rows, cols = np.nonzero(depth > 0)
    z = depth[rows, cols]
    target = cols - focal_baseline / z
    carried = np.full((height, width), np.inf, dtype=np.float32)
    for column in (np.floor(target).astype(np.intp), np.ceil(target).astype(np.intp)):
        inside = (column >= 0) & (column < width)
        np.minimum.at(carried, (rows[inside], column[inside]), z[inside])
    return np.where(np.isfinite(carried), carried, 0.0).astype(np.float32)
