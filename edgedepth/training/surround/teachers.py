"""What a student is taught by: a frozen network, or its predictions or other dense depth on the disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from edgedepth.artifact.folder import whole_folder
from edgedepth.errors import InputError, UsageError
from edgedepth.models import checkpoint
from edgedepth.models.surround.metric_bins import Bins
from edgedepth.training.clips import nearest
from edgedepth.training.precision import Precision
from edgedepth.training.recipe import Recipe
from edgedepth.training.surround.bins import bins_of, require_bins
from edgedepth.training.surround.losses import by_moment
from edgedepth.training.surround.moments import MomentBank
from edgedepth.training.surround.rig_batch import RigBatch, gather
from edgedepth.training.surround.teacher_files import (
    CENTRES,
    DEPTH,
    PROBABILITIES,
    packed_view,
    read_view,
    view_file,
)


@dataclass(frozen=True)
class Lesson:
    """What a teacher says about a batch, all of it without gradient.

    Attributes:
        depth: (B, N, 1, H, W) metres; 0 where it says nothing.
        centres: (B, N, K, h, w) metres, or None where it has no bins.
        probabilities: (B, N, K, H, W), their sum over bins is 1, or None.
    """

    depth: torch.Tensor
    centres: torch.Tensor | None = None
    probabilities: torch.Tensor | None = None


class Teacher(Protocol):
    """Any of them."""

    @property
    def statement(self) -> str:
        """What it is and what that leaves out, one line for log and terminal."""

    def __call__(self, batch: RigBatch) -> Lesson:
        """Its lesson on a batch, on the batch's device."""


class NetworkTeacher:
    """A checkpoint of a network with a metric-bins head, in evaluation mode and frozen.

    Args:
        path: the checkpoint.
        precision: of its forward passes; the head computes in float32.
        device: where batches are.

    Raises:
        CheckpointError: unreadable.
        UsageError: another kind of network.
    """

    def __init__(self, path: Path, precision: Precision, device: torch.device) -> None:
        loaded = checkpoint.load(path)
        require_bins(loaded.card, "teach with bins")
        network: Any = loaded.model.eval().requires_grad_(requires_grad=False).to(device)
        self.network, self.precision = network.to(memory_format=torch.channels_last), precision
        self.statement = f"Taught by {loaded.card.name} of {path.name}, run at every step."

    def __call__(self, batch: RigBatch) -> Lesson:
        """Its bins on the plain pictures: the true colours, mirrored where the student's are."""
        return Lesson(*(by_moment(part, batch.plain) for part in self.bins(batch.plain.flatten(0, 1))))

    def bins(self, images: torch.Tensor) -> Bins:
        """Of pictures (V, 3, H, W) in 0..1."""
        with torch.no_grad():
            return bins_of(self.network, images, self.precision)


class FolderTeacher:
    """One .npz per view, as `teacher_files.read_view` describes them; with bins in all views or in none.

    Args:
        path: the folder.
        first: any view of the recipe, by which the folder shows whether it has bins.

    Raises:
        InputError: the view is missing or damaged.
    """

    def __init__(self, path: Path, first: str) -> None:
        self.path = path
        self.has_bins = PROBABILITIES in read_view(path, first)
        if self.has_bins:
            self.statement = f"Taught by centres and probabilities in {path.name}."
        else:
            self.statement = (
                f"Taught by dense depth maps in {path.name}: without bins cross-interaction and view-relational "
                "distillation are off, and the student's own depth is compared with the maps."
            )

    def __call__(self, batch: RigBatch) -> Lesson:
        """What the folder has of each view, mirrored where the batch is.

        Raises:
            InputError: a view is missing, damaged, or without bins where others have them.
            UsageError: its size is not the batch's.
        """
        size = batch.plain.shape[-2], batch.plain.shape[-1]
        views = [[self._view(name, size) for name in names] for names in batch.names]
        # The names of a mirrored moment run the other way already; its maps still have to be mirrored.
        mirrored = batch.mirrored.view(-1, 1, 1, 1, 1)
        parts = []
        for kind in range(3 if self.has_bins else 1):
            stacked = np.stack([np.stack([view[kind] for view in moment]) for moment in views])
            maps = torch.from_numpy(stacked).to(batch.plain.device)
            parts.append(torch.where(mirrored, maps.flip(4), maps))
        return Lesson(*parts)

    def _view(self, name: str, size: tuple[int, int]) -> list[NDArray[np.float32]]:
        arrays = read_view(self.path, name)
        if (PROBABILITIES in arrays) != self.has_bins:
            raise InputError(
                f"Some views in the teacher's folder {self.path} have bins and others have not.",
                f"{name} has {', '.join(arrays)}.",
                "Write the folder again, all views alike.",
            )
        if not self.has_bins:
            return [nearest(arrays[DEPTH], size)[None]]
        if arrays[DEPTH].shape != size:
            height, width = arrays[DEPTH].shape
            raise UsageError(
                f"The teacher's predictions in {self.path} are of another size than the stage.",
                f"{name} has {height}x{width}, the stage {size[0]}x{size[1]}.",
                "Write them again with --write-teacher, or give the stage their size.",
            )
        return [arrays[DEPTH][None], arrays[CENTRES], arrays[PROBABILITIES]]


def open_teacher(path: Path, first: str, precision: Precision, device: torch.device) -> Teacher:
    """The teacher that a recipe names: a folder with a file for the view `first`, else a checkpoint.

    Raises:
        InputError: neither.
        UsageError: a network without bins.
    """
    if view_file(path, first).is_file():
        return FolderTeacher(path, first)
    if path.is_dir() and not (path / "encoder.pth").is_file():
        raise InputError(
            f"{path} is no teacher.",
            f"It has neither encoder.pth nor {first}.npz.",
            "Name a checkpoint, or a folder that --write-teacher made.",
        )
    return NetworkTeacher(path, precision, device)


def write_teacher(recipe: Recipe, data: Path, target: Path, device: torch.device) -> int:
    """Run the recipe's teacher once over every training moment and keep what it says, as `FolderTeacher` reads it.

    Args:
        recipe: its teacher is a checkpoint; its stages share one size.
        data: the folder that its paths are relative to.
        target: a new folder; it appears whole or not at all.
        device: where the teacher runs.

    Returns:
        How many views were written.

    Raises:
        UsageError: a recipe without such a teacher, stages of several sizes, or a target that exists.
        InputError: moments that cannot be read.
    """
    sizes = {(stage.height, stage.width) for stage in recipe.stages}
    if not recipe.distillation.teacher or len(sizes) > 1:
        raise UsageError(
            "The recipe's teacher cannot be written.",
            f"It names the teacher {recipe.distillation.teacher!r} and {len(sizes)} sizes of stages.",
            "Set distillation.teacher to a checkpoint, and one size in all stages.",
        )
    precision = Precision(recipe.optimisation, device)
    teacher = NetworkTeacher(data / recipe.distillation.teacher, precision, device)
    written = 0
    with whole_folder(target, force=False) as folder:
        bank = MomentBank(recipe, data, None)
        for number in dict.fromkeys((*bank.order, *bank.rendered)):
            names = bank.names[number]
            batch = gather([bank.read(number, *sizes)], [names]).to(device)
            found = teacher.bins(batch.plain[0])
            for name, *parts in zip(names, found.depth[:, 0], found.centres, found.probabilities, strict=True):
                file = view_file(folder, name)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(packed_view(*(part.cpu().numpy() for part in parts)))
                written += 1
    return written
