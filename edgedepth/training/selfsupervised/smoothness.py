"""Edge-aware smoothness of disparity, and FlexDepth's geometric depth smoothing."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional as F

WEIGHT = 1e-3
"""Of the finest scale; scale s has ``WEIGHT / 2^s``."""
ETA = 100.0
"""How much more a moving pixel's vertical gradient costs than a static one's."""
_TINY = 1e-7


def smoothness(disparity: torch.Tensor, image: torch.Tensor, static: torch.Tensor | None = None) -> torch.Tensor:
    """Absolute gradients of mean-normalized disparity, damped where the picture has edges (Monodepth2, eq. 3).

    With `static`, M, the vertical gradient is weighted by ``ETA * (1 - M) + M``: a moving object stands upright,
    so its depth hardly changes from row to row, while the photometric error says nothing true about it.

    Args:
        disparity: (B, 1, H, W), positive.
        image: (B, 3, H', W') in 0..1; averaged down to the disparity's size where it is larger.
        static: (B, 1, H, W), 1 where static and 0 where moving, at the disparity's own size; between two rows
            it is their mean. Its gradient reaches what it was made from.

    Returns:
        (B,) per picture, not negative.
    """
    normalized = disparity / (disparity.mean((2, 3), keepdim=True) + _TINY)
    if image.shape[2:] != disparity.shape[2:]:
        image = F.interpolate(image, size=disparity.shape[2:], mode="area")
    down = _step(normalized, 2).abs() * _damping(image, 2)
    across = _step(normalized, 3).abs() * _damping(image, 3)
    if static is not None:
        between = (static[:, :, 1:] + static[:, :, :-1]) / 2
        down = down * (ETA * (1 - between) + between)
    return down.mean((1, 2, 3)) + across.mean((1, 2, 3))


def weighted_smoothness(
    disparities: Sequence[torch.Tensor], image: torch.Tensor, static: Sequence[torch.Tensor] | None = None
) -> torch.Tensor:
    """Mean over the scales of ``WEIGHT / 2^s`` times that scale's smoothness; (B,) per picture.

    Args:
        disparities: finest first, (B, 1, H/2^s, W/2^s).
        image: (B, 3, H, W) in 0..1.
        static: one mask for each disparity, of its size.
    """
    total = image.new_zeros(len(image))
    for scale, disparity in enumerate(disparities):
        mask = None if static is None else static[scale]
        total = total + WEIGHT / 2**scale * smoothness(disparity, image, mask)
    return total / len(disparities)


def _step(values: torch.Tensor, axis: int) -> torch.Tensor:
    return values.diff(dim=axis)


def _damping(image: torch.Tensor, axis: int) -> torch.Tensor:
    return torch.exp(-_step(image, axis).abs().mean(1, keepdim=True))
