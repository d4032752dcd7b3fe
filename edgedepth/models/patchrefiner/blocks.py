"""What both directions of PatchRefiner V2's fusion are built from. All tensors are NCHW."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F


def resized(x: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    """`x` at that height and width: bilinear, corners aligned."""
    if tuple(x.shape[-2:]) == tuple(size):
        return x
    return F.interpolate(x, size=tuple(size), mode="bilinear", align_corners=True)


class ChannelNorm(nn.Module):
    """Layer norm over the channels of every position; keeps the shape.

    Written as means, so that nothing is transposed in an export.
    """

    EPS = 1e-6

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalize, scale and shift."""
        centred = x - x.mean(1, keepdim=True)
        deviation = torch.sqrt((centred * centred).mean(1, keepdim=True) + self.EPS)
        return centred / deviation * self.weight[:, None, None] + self.bias[:, None, None]


class ConvNormGelu(nn.Module):
    """3x3 convolution without bias, channel norm, GELU; (B, c_in, H, W) -> (B, c_out, H, W)."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.single_conv = nn.Sequential(
            nn.Conv2d(c_in, c_out, 3, padding=1, bias=False), ChannelNorm(c_out), nn.GELU()
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Convolve, normalize and activate."""
        out: torch.Tensor = self.single_conv(x)
        return out


class TwoConvs(nn.Module):
    """Two 3x3 convolutions without bias, each with a GELU; the first keeps the channels."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.double_conv = nn.Sequential(
            nn.Conv2d(c_in, c_in, 3, padding=1, bias=False),
            nn.GELU(),
            nn.Conv2d(c_in, c_out, 3, padding=1, bias=False),
            nn.GELU(),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, c_in, H, W) -> (B, c_out, H, W)."""
        out: torch.Tensor = self.double_conv(x)
        return out


class Merge(nn.Module):
    """One step up: the coarser map, the skip and both depth predictions, joined at the skip's size."""

    def __init__(self, above: int, skip: int, c_out: int) -> None:
        super().__init__()
        self.conv = TwoConvs(above + skip + 2, c_out)

    def forward(self, above: torch.Tensor, skip: torch.Tensor, predictions: list[torch.Tensor]) -> torch.Tensor:
        """(B, above, h, w), (B, skip, H, W) and two (B, 1, ., .) -> (B, c_out, H, W)."""
        size = skip.shape[-2:]
        joined = [resized(above, size), skip, *(resized(p, size) for p in predictions)]
        out: torch.Tensor = self.conv(torch.cat(joined, 1))
        return out
