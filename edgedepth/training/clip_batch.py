"""One step's clips, resized, mirrored and recoloured alike in all of a clip's pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from edgedepth.training.augment import recolour
from edgedepth.training.clips import Clip, ClipBank
from edgedepth.training.recipe import Augmentation
from edgedepth.training.selfsupervised.geometry import flipped_intrinsics, resized_intrinsics

ROLES = ("target", "previous", "following", "eye")


@dataclass(frozen=True)
class ClipBatch:
    """What one self-supervised step trains on.

    Attributes:
        frames: by role of `ROLES`, (B, 3, H, W) float32 in 0..1, for the losses; where a clip lacks a role the
            target stands in.
        seen: the same recoloured, for the networks: as in Monodepth2, the losses compare the true colours.
        timed, paired: (B,) bool, which clips have neighbours in time, and which another eye.
        K: (B, 3, 3) intrinsics.
        baseline: (B,) in the depth network's unit; its sign says on which side the other eye is.
        depths, weights: (B, 1, H, W), depth in the network's unit; None unless supervision is mixed in.
    """

    frames: dict[str, torch.Tensor]
    seen: dict[str, torch.Tensor]
    timed: torch.Tensor
    paired: torch.Tensor
    K: torch.Tensor
    baseline: torch.Tensor
    depths: torch.Tensor | None = None
    weights: torch.Tensor | None = None

    def to(self, device: torch.device) -> ClipBatch:
        """The same on a device."""
        return ClipBatch(
            {role: images.to(device) for role, images in self.frames.items()},
            {role: images.to(device) for role, images in self.seen.items()},
            *(part.to(device) for part in (self.timed, self.paired, self.K, self.baseline)),
            *(None if part is None else part.to(device) for part in (self.depths, self.weights)),
        )


def gather(bank: ClipBank, chosen: Sequence[int], size: tuple[int, int], metres_per_unit: float) -> ClipBatch:
    """The clips of those indices at (height, width), unchanged otherwise."""
    clips = [bank.clips[index] for index in chosen]
    frames = {role: _pictures(bank, clips, role, size) for role in ROLES}
    targets = torch.tensor([clip.target for clip in clips])
    K = resized_intrinsics(bank.cameras[targets], (bank.images.shape[2], bank.images.shape[3]), size)
    baseline = torch.tensor([clip.baseline for clip in clips]) / metres_per_unit
    depths = weights = None
    if len(bank.depths):
        depths = F.interpolate(bank.depths[targets] / metres_per_unit, size, mode="nearest-exact")
        weights = F.interpolate(bank.weights[targets], size, mode="nearest-exact")
    timed = torch.tensor([clip.previous is not None for clip in clips])
    paired = torch.tensor([clip.eye is not None for clip in clips])
    return ClipBatch(frames, frames, timed, paired, K, baseline, depths, weights)


def _pictures(bank: ClipBank, clips: Sequence[Clip], role: str, size: tuple[int, int]) -> torch.Tensor:
    found = [getattr(clip, role) for clip in clips]
    index = torch.tensor([clip.target if one is None else one for clip, one in zip(clips, found, strict=True)])
    images = bank.images[index].float() / 255.0
    if images.shape[2:] == size:
        return images
    return F.interpolate(images, size, mode="bilinear", align_corners=False, antialias=True)


def change(batch: ClipBatch, settings: Augmentation, rng: np.random.Generator) -> ClipBatch:
    """Mirror some clips, and recolour what the networks see.

    Geometry is left at mirroring, as in Monodepth2. All pictures of a clip get the same colour changes, or they
    could not be matched.

    Args:
        batch: as `gather` gives it.
        settings: the recipe's strengths; those of the geometry but `flip`, and of boxes and seams, do not apply.
        rng: decides everything.
    """
    flipped = torch.from_numpy(rng.random(len(batch.K)) < settings.flip)
    frames = {role: mirrored(images, flipped) for role, images in batch.frames.items()}
    seed = int(rng.integers(2**32))
    seen = {
        role: recolour(images, settings, np.random.default_rng(seed)).clamp(0, 1) for role, images in frames.items()
    }
    width = batch.frames["target"].shape[3]
    return ClipBatch(
        frames,
        seen,
        batch.timed,
        batch.paired,
        torch.where(flipped.view(-1, 1, 1), flipped_intrinsics(batch.K, width), batch.K),
        torch.where(flipped, -batch.baseline, batch.baseline),
        None if batch.depths is None else mirrored(batch.depths, flipped),
        None if batch.weights is None else mirrored(batch.weights, flipped),
    )


def mirrored(images: torch.Tensor, flipped: torch.Tensor) -> torch.Tensor:
    """(B, C, H, W) with the pictures where `flipped`, (B,) bool, holds turned left to right."""
    return torch.where(flipped.view(-1, 1, 1, 1), images.flip(3), images)
