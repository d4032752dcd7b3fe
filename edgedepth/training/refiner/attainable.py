"""What the phone refiner can be asked for: exact detail on the coarse model's own large scale, within its reach."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from edgedepth.models.patchrefiner.reach import WINDOWS, steps
from edgedepth.training.refiner.close_ups import BORDER

_SHRUNK = 8
_SURROUNDINGS = 13
"""Shrunk pixels across which the coarse model's own error is averaged, twice."""
_BESIDE, _FADING = 7, 5
"""Shrunk pixels across: what lies beside a border, and the way back from there to the coarse depth."""


def attainable(coarse: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Log depth with the errors of `coarse` that are no matter of detail, and that the refiner can give.

    A refiner that sees one patch cannot know where the whole picture's depth is wrong, nor whether a bump of it is one
    of the street's: one that is asked for either learns to guess, and on other pictures it guesses wrong. So of
    ``truth - coarse`` its average over the surroundings is taken off, what lies far from every border of the truth is
    left out, and the rest is limited to what corrections reach.

    Args:
        coarse: (B, 1, H, W) log depth, H and W divisible by 8.
        truth: the same at the same scale.

    Returns:
        (B, 1, H, W), without a gradient.
    """
    with torch.no_grad():
        error = truth - coarse
        detail = (error - _averaged(error)) * _beside_borders(truth)
        far, near = torch.split(steps(coarse), len(WINDOWS), 1)
        farther, nearer = far.sum(1, keepdim=True), near.sum(1, keepdim=True)
        return coarse + torch.maximum(torch.minimum(detail, farther), -nearer)


def _beside_borders(truth: torch.Tensor) -> torch.Tensor:
    """1 at borders, 0 far from them."""
    jumps = torch.zeros_like(truth)
    jumps[..., 1:] += (truth.diff(dim=-1).abs() > BORDER).to(truth)
    jumps[..., 1:, :] += (truth.diff(dim=-2).abs() > BORDER).to(truth)
    near = F.max_pool2d(F.max_pool2d(jumps.clamp(max=1), _SHRUNK), _BESIDE, 1, _BESIDE // 2)
    fading = F.avg_pool2d(near, _FADING, 1, _FADING // 2, count_include_pad=False)
    return F.interpolate(fading, truth.shape[-2:], mode="bilinear", align_corners=False)


def _averaged(maps: torch.Tensor) -> torch.Tensor:
    small = _around(_around(F.avg_pool2d(maps, _SHRUNK)))
    return F.interpolate(small, maps.shape[-2:], mode="bilinear", align_corners=False)


def _around(small: torch.Tensor) -> torch.Tensor:
    """The mean over each shrunk pixel's surroundings; borders are repeated."""
    return F.avg_pool2d(F.pad(small, (_SURROUNDINGS // 2,) * 4, mode="replicate"), _SURROUNDINGS, 1)
