"""Layer norm over the channels of a map that stays NCHW: no transposes, and no operator that a delegate refuses."""

from __future__ import annotations

import torch
from torch import nn


class ChannelNorm(nn.Module):
    """Zero mean and unit variance over channels; (B, C, H, W) -> (B, C, H, W).

    A layer norm's scale and shift are not here: the linear layer behind it takes them in.

    Args:
        eps: added to the variance.
    """

    def __init__(self, eps: float) -> None:
        super().__init__()
        self.eps = eps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalize."""
        centred = x - x.mean(1, keepdim=True)
        variance = (centred * centred).mean(1, keepdim=True)
        return centred * torch.rsqrt(variance + self.eps)
