"""One refining step's pictures and patches: mirrored together, recoloured apart, some patches softened."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from edgedepth.models.patchrefiner.nano import PUBLISHED_GRID
from edgedepth.training.augment import Batch, recolour
from edgedepth.training.recipe import Augmentation, Targets
from edgedepth.training.refiner.close_ups import STEP, CloseUps, borders
from edgedepth.training.rendered import supervise_exactly

Part = tuple[int, int, int]
"""Of a picture: the number of a patch, and the part's first row and column there."""

_TRIES = 2
"""Places that are drawn for a part of a patch."""


@dataclass(frozen=True)
class CloseUpBatch:
    """What one refining step trains on: B pictures and N patches of each, exact depth in the network's units.

    Attributes:
        wholes: the pictures as the coarse model sees them.
        patches: (B, N, 3, h, w) float32 in 0..1.
        targets, weights: (B, N, 1, h, w) float32; the former positive, the latter at least 0.
        boxes: (B, N, 4) float64, where patches lie: left, top, right, bottom as fractions of the picture.
    """

    wholes: Batch
    patches: torch.Tensor
    targets: torch.Tensor
    weights: torch.Tensor
    boxes: torch.Tensor

    def to(self, device: torch.device) -> CloseUpBatch:
        """The same on a device."""
        wholes = (part.to(device) for part in (self.wholes.images, self.wholes.depths, self.wholes.weights))
        parts = (part.to(device) for part in (self.patches, self.targets, self.weights, self.boxes))
        return CloseUpBatch(Batch(*wholes), *parts)


def whole_batch(pictures: Sequence[CloseUps], targets: Targets) -> Batch:
    """The whole pictures and their exact depth in the network's units."""
    depths, weights = zip(*(supervise_exactly(picture.depth, targets) for picture in pictures), strict=True)
    return Batch(
        _colours([picture.whole for picture in pictures]),
        _maps(depths) / targets.metres_per_unit,
        _maps(weights),
    )


def gather(
    pictures: Sequence[CloseUps], chosen: Sequence[Sequence[Part]], size: tuple[int, int], targets: Targets
) -> CloseUpBatch:
    """Pictures and parts of their patches, unchanged.

    Args:
        pictures: B of them.
        chosen: N parts of each.
        size: (h, w) of the parts.
        targets: what becomes of the sky, and the unit.
    """
    patches, depths, weights, boxes = [], [], [], []
    for picture, parts in zip(pictures, chosen, strict=True):
        height, width = (side * PUBLISHED_GRID for side in picture.depth.shape)
        for number, top, left in parts:
            there = np.s_[number, top : top + size[0], left : left + size[1]]
            depth, weight = supervise_exactly(picture.depths[there], targets)
            patches.append(picture.patches[there])
            depths.append(depth)
            weights.append(weight)
            row, column = picture.places[number] + (top, left)
            boxes.append([column / width, row / height, (column + size[1]) / width, (row + size[0]) / height])
    lead = len(pictures), len(chosen[0])
    return CloseUpBatch(
        whole_batch(pictures, targets),
        _colours(patches).view(*lead, 3, *size),
        _maps(depths).view(*lead, 1, *size) / targets.metres_per_unit,
        _maps(weights).view(*lead, 1, *size),
        torch.tensor(boxes, dtype=torch.float64).view(*lead, 4),
    )


def change(batch: CloseUpBatch, settings: Augmentation, softest: float, rng: np.random.Generator) -> CloseUpBatch:
    """Mirror some pictures with all their patches, soften some patches, recolour pictures and patches each their way.

    Args:
        batch: as `gather` gives it.
        settings: the recipe's strengths of `flip` and of the colours; others do not apply.
        softest: as the recipe has it.
        rng: decides everything.
    """
    flipped = torch.from_numpy(rng.random(len(batch.patches)) < settings.flip)

    def mirrored(maps: torch.Tensor) -> torch.Tensor:
        return torch.where(flipped.view(-1, *[1] * (maps.ndim - 1)), maps.flip(-1), maps)

    wholes = batch.wholes
    left, top, right, bottom = batch.boxes.unbind(-1)
    patches = soften(mirrored(batch.patches).flatten(0, 1), softest, rng)
    return CloseUpBatch(
        Batch(
            recolour(mirrored(wholes.images), settings, rng).clamp(0, 1),
            mirrored(wholes.depths),
            mirrored(wholes.weights),
        ),
        recolour(patches, settings, rng).clamp(0, 1).view_as(batch.patches),
        mirrored(batch.targets),
        mirrored(batch.weights),
        torch.where(flipped.view(-1, 1, 1), torch.stack([1 - right, top, 1 - left, bottom], -1), batch.boxes),
    )


def soften(patches: torch.Tensor, softest: float, rng: np.random.Generator) -> torch.Tensor:
    """Half of the patches shrunk and enlarged again, by up to `softest`; (B, 3, H, W)."""
    out = []
    for patch in torch.split(patches, 1):
        factor = math.exp(rng.uniform(0, math.log(softest)))
        if rng.random() < 0.5:
            small = [max(round(side / factor), 1) for side in patch.shape[-2:]]
            shrunk = F.interpolate(patch, small, mode="bilinear", align_corners=False, antialias=True)
            out.append(F.interpolate(shrunk, patch.shape[-2:], mode="bicubic", align_corners=False))
        else:
            out.append(patch)
    return torch.cat(out)


def choose_parts(
    pictures: Sequence[CloseUps], count: int, size: tuple[int, int], rng: np.random.Generator
) -> list[list[Part]]:
    """Of each picture `count` parts of (height, width), of different patches as far as there are enough.

    Of some places drawn for each the one with most borders is taken: most of a street is flat.
    """
    found = []
    for picture in pictures:
        numbers = rng.permutation(len(picture.patches)).tolist()
        spare = [(side - part) // STEP + 1 for side, part in zip(picture.patches.shape[1:3], size, strict=True)]
        parts = []
        for i in range(count):
            number = numbers[i % len(numbers)]
            there = borders(picture.depths[number])
            drawn = (rng.integers(0, spare, (_TRIES, 2)) * STEP).tolist()
            top, left = max(drawn, key=lambda at: int(there[at[0] : at[0] + size[0], at[1] : at[1] + size[1]].sum()))
            parts.append((number, top, left))
        found.append(parts)
    return found


def _colours(pictures: Sequence[NDArray[np.uint8]]) -> torch.Tensor:
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255


def _maps(maps: Sequence[NDArray[Any]]) -> torch.Tensor:
    return torch.from_numpy(np.stack(maps))[:, None]
