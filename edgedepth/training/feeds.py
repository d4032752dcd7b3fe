"""Which batch each step gets: a pure function of recipe, data and step, so that any run can be resumed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from edgedepth.training.augment import Batch, augment
from edgedepth.training.clip_batch import ClipBatch, change, gather
from edgedepth.training.clips import load_clips
from edgedepth.training.frames import FrameBank, load_frames
from edgedepth.training.recipe import Recipe, Span
from edgedepth.training.refiner import close_up_batch
from edgedepth.training.refiner.close_up_batch import CloseUpBatch, whole_batch
from edgedepth.training.refiner.close_ups import CloseUps, load_close_ups
from edgedepth.training.schedule import changes_at, clips_at, frames_at, passes_before
from edgedepth.training.settings import PATCH
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
        raw = _frames(bank, chosen, recipe.targets.metres_per_unit)
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


class CloseUpFeed:
    """Batches of the refiners' stages; pictures are rendered as they are needed.

    Args:
        recipe: checked already.
        data: the folder that the sources' folders are relative to.
        whole: (height, width) of a rendered picture as the coarse model sees it.
        kept: where rendered pictures are kept for the next time.
        device: where batches go.
    """

    def __init__(self, recipe: Recipe, data: Path, whole: tuple[int, int], kept: Path, device: torch.device) -> None:
        self._recipe, self._whole, self._kept, self._device = recipe, whole, kept, device
        self.bank = load_frames(recipe, data) if recipe.sources else None

    def coarse(self, step: int) -> Batch:
        """The augmented batch of a step of whole pictures, those of the sources first."""
        recipe, stage, rng = self._recipe, self._recipe.stage_at(step), changes_at(step, self._recipe)
        count, chosen = stage.batch - stage.rendered, self._chosen(step)
        kinds = []
        if self.bank and count:
            kinds.append(_frames(self.bank, torch.tensor(chosen[:count]), recipe.targets.metres_per_unit))
        if stage.rendered:
            kinds.append(whole_batch([self._close_ups(number) for number in chosen[count:]], recipe.targets))
        changed = [augment(raw, (stage.height, stage.width), recipe.augmentation, rng) for raw in kinds]
        parts = zip(*((one.images, one.depths, one.weights) for one in changed), strict=True)
        return Batch(*(torch.cat(part).to(self._device) for part in parts))

    def close_ups(self, step: int) -> tuple[CloseUpBatch, np.random.Generator]:
        """The changed batch of a step of patches, and the random numbers of its losses."""
        recipe, stage, rng = self._recipe, self._recipe.stage_at(step), changes_at(step, self._recipe)
        pictures = [self._close_ups(number) for number in self._chosen(step)]
        size = stage.height, stage.width
        parts = close_up_batch.choose_parts(pictures, recipe.refinement.patches, size, rng)
        plain = close_up_batch.gather(pictures, parts, size, recipe.targets)
        return close_up_batch.change(plain, recipe.augmentation, recipe.refinement.softest, rng).to(self._device), rng

    def held_out(self, number: int) -> CloseUpBatch:
        """Picture 0 .. `hold_out` - 1 of streets that no step sees, all its patches as they are, on the CPU."""
        picture = load_close_ups(self._recipe.rendered.seed + 1, number, self._whole, self._kept)
        parts = [[(patch, 0, 0) for patch in range(len(picture.patches))]]
        return close_up_batch.gather([picture], parts, PATCH, self._recipe.targets)

    def _chosen(self, step: int) -> list[int]:
        """Frames of the bank, then streets, by their numbers."""
        order = self.bank.order if self.bank else ()
        return frames_at(step, self._recipe, order, tuple(range(self._recipe.rendered.count)))

    def _close_ups(self, street: int) -> CloseUps:
        return load_close_ups(self._recipe.rendered.seed, street, self._whole, self._kept)


def _frames(bank: FrameBank, chosen: torch.Tensor, unit: float) -> Batch:
    return Batch(bank.images[chosen].float() / 255.0, bank.depths[chosen] / unit, bank.weights[chosen])
