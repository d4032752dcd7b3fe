"""One step's moments: mirrored all views together, and recoloured for the student alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from edgedepth.training.augment import recolour
from edgedepth.training.recipe import Augmentation
from edgedepth.training.surround.moments import Moment


@dataclass(frozen=True)
class RigBatch:
    """What one metric step trains on; N views of B moments, in ring order.

    Attributes:
        plain: (B, N, 3, H, W) float32 in 0..1, as the teacher sees them.
        images: the same recoloured, as the student does.
        depths: (B, N, 1, H, W) float32, positive metres.
        weights: (B, N, 1, H, W) float32, 0 where the depth is unknown or the vehicle itself is seen.
        seen: (B, N, 1, H, W) bool, False on the vehicle itself.
        mirrored: (B,) bool; of those the world is turned left to right, so the ring runs the other way.
        names: of each moment's views, in the order in which the batch has them.
    """

    plain: torch.Tensor
    images: torch.Tensor
    depths: torch.Tensor
    weights: torch.Tensor
    seen: torch.Tensor
    mirrored: torch.Tensor
    names: tuple[tuple[str, ...], ...]

    def to(self, device: torch.device) -> RigBatch:
        """The same on a device."""
        return RigBatch(
            self.plain.to(device),
            self.images.to(device),
            self.depths.to(device),
            self.weights.to(device),
            self.seen.to(device),
            self.mirrored.to(device),
            self.names,
        )


def gather(moments: Sequence[Moment], names: Sequence[tuple[str, ...]]) -> RigBatch:
    """Those moments, unchanged."""
    images = torch.stack([moment.images for moment in moments]).float() / 255.0
    weights = torch.stack([moment.weights for moment in moments])
    seen = torch.stack([moment.seen for moment in moments])
    return RigBatch(
        images,
        images,
        torch.stack([moment.depths for moment in moments]),
        torch.where(seen, weights, 0.0),
        seen,
        torch.zeros(len(moments), dtype=torch.bool),
        tuple(names),
    )


def change(batch: RigBatch, settings: Augmentation, rng: np.random.Generator) -> RigBatch:
    """Mirror some moments, and recolour every view that the student sees.

    A mirrored rig is one whose cameras are mirrored and stand in the opposite order: what was the view on the left
    is then the mirrored view on the right. Nothing else of the geometry changes, since metric depth hangs on the
    focal length.

    Args:
        batch: as `gather` gives it.
        settings: the recipe's strengths; those of the geometry but `flip`, and of boxes and seams, do not apply.
        rng: decides everything.
    """
    flipped = torch.from_numpy(rng.random(len(batch.plain)) < settings.flip)
    plain = mirror_rigs(batch.plain, flipped)
    images = recolour(plain.flatten(0, 1), settings, rng).clamp(0, 1).view_as(plain)
    turned = zip(batch.names, flipped.tolist(), strict=True)
    return RigBatch(
        plain,
        images,
        mirror_rigs(batch.depths, flipped),
        mirror_rigs(batch.weights, flipped),
        mirror_rigs(batch.seen, flipped),
        flipped,
        tuple(views[::-1] if back else views for views, back in turned),
    )


def mirror_rigs(maps: torch.Tensor, flipped: torch.Tensor) -> torch.Tensor:
    """(B, N, C, H, W) with the moments where `flipped`, (B,) bool, holds mirrored, their views in reverse order."""
    return torch.where(flipped.view(-1, 1, 1, 1, 1), maps.flip(1, 4), maps)
