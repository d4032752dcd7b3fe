"""Which batch each step gets: a pure function of recipe, data and step, so that any run can be resumed."""

from __future__ import annotations

from pathlib import Path

import torch

from edgedepth.training.augment import Batch, augment
from edgedepth.training.clip_batch import ClipBatch, change, gather
from edgedepth.training.clips import load_clips
from edgedepth.training.frames import load_frames
from edgedepth.training.recipe import Recipe, Span
from edgedepth.training.schedule import changes_at, clips_at, frames_at, passes_before
from edgedepth.training.surround import rig_batch
from edgedepth.training.surround.moments import MomentBank
from edgedepth.training.surround.rig_batch import RigBatch


class FrameFeed:
    """Batches of the supervised stages.

    Args:
        recipe: checked already.
        data: the folder that the sources' folders are relative to.
        kept: where rendered frames are kept for the next start.
        device: where batches go.
    """

    def __init__(self, recipe: Recipe, data: Path, kept: Path, device: torch.device) -> None:
        self._recipe, self._device = recipe, device
        self.bank = load_frames(recipe, data, kept)

    def batch(self, step: int) -> Batch:
        """The augmented batch of a step, depth in the network's units."""
        recipe, bank = self._recipe, self.bank
        stage = recipe.stage_at(step)
        chosen = torch.tensor(frames_at(step, recipe, bank.order, bank.rendered))
        raw = Batch(
            bank.images[chosen].float() / 255.0,
            bank.depths[chosen] / recipe.targets.metres_per_unit,
            bank.weights[chosen],
        )
        changed = augment(raw, (stage.height, stage.width), recipe.augmentation, changes_at(step, recipe))
        return Batch(*(part.to(self._device) for part in (changed.images, changed.depths, changed.weights)))


class ClipFeed:
    """Batches of the self-supervised stages.

    Args:
        recipe: checked already.
        data: the folder that the sources' folders are relative to.
        device: where batches go.
    """

    def __init__(self, recipe: Recipe, data: Path, device: torch.device) -> None:
        self._recipe, self._device = recipe, device
        self.bank = load_clips(recipe, data)

    def batch(self, step: int) -> tuple[ClipBatch, torch.Generator]:
        """The changed batch of a step, and the noise of its auto-mask."""
        stage, rng = self._recipe.stage_at(step), changes_at(step, self._recipe)
        chosen = clips_at(step, self._recipe, self.bank.order)
        size = stage.height, stage.width
        plain = gather(self.bank, chosen, size, self._recipe.targets.metres_per_unit)
        changed = change(plain, self._recipe.augmentation, rng).to(self._device)
        return changed, torch.Generator().manual_seed(int(rng.integers(2**32)))

    def passes(self, span: Span, step: int) -> int:
        """Whole passes over the clips that the span's steps before `step` make."""
        return passes_before(step, self._recipe, span, len(self.bank.order))


class MomentFeed:
    """Batches of the metric stages.

    Args:
        recipe: checked already.
        data: the folder that the sources' folders are relative to.
        kept: where rendered moments are kept for the next start.
        device: where batches go.
    """

    def __init__(self, recipe: Recipe, data: Path, kept: Path, device: torch.device) -> None:
        self._recipe, self._device = recipe, device
        self.bank = MomentBank(recipe, data, kept)

    def batch(self, step: int) -> RigBatch:
        """The changed batch of a step, depth in metres."""
        recipe, bank = self._recipe, self.bank
        stage = recipe.stage_at(step)
        chosen = frames_at(step, recipe, bank.order, bank.rendered)
        moments = [bank.read(number, (stage.height, stage.width)) for number in chosen]
        plain = rig_batch.gather(moments, [bank.names[number] for number in chosen])
        return rig_batch.change(plain, recipe.augmentation, changes_at(step, recipe)).to(self._device)
