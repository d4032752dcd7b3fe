"""Maps of coarser scales and lower precision, brought to where they are compared."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional as F


def upsampled(values: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    """Bilinear, ``align_corners=False``; (B, C, h, w) -> (B, C, *size), untouched if it has that size."""
    if values.shape[2:] == tuple(size):
        return values
    return F.interpolate(values, size=tuple(size), mode="bilinear", align_corners=False)


def at_least_single(values: torch.Tensor) -> torch.Tensor:
    """Half precision as float32: it holds neither a pixel's position nor the variance of its surroundings."""
    return values.to(torch.promote_types(values.dtype, torch.float32))
