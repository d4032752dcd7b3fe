"""Monodepth2's decoder: nearest x2 upsampling, skips, ELU, and sigmoid heads at four scales (Godard et al. 2019)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

from edgedepth.models.shared.conv import ReflectConv3x3

CHANNELS = (16, 32, 64, 128, 256)
"""Of levels 0 to 4, at strides 1, 2, 4, 8 and 16."""
LEVELS = (4, 3, 2, 1, 0)
HEADS = 4


class EluConv3x3(nn.Module):
    """3x3 convolution on a reflection pad, and ELU.

    Shapes: (B, c_in, H, W) -> (B, c_out, H, W), H and W at least 2.
    """

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.conv = ReflectConv3x3(c_in, c_out)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Convolve and activate."""
        return F.elu(self.conv(x))


class UpconvDecoder(nn.ModuleList):
    """From five encoder taps to four sigmoid maps: disparity in Monodepth2, variance in FlexDepth's second stage.

    State-dict keys are ``<k>...`` in the published order: 2 * (4 - level) and the next are the level's two
    convolutions, before and after upsampling; 10 to 13 are the heads of levels 0 to 3. A network that keeps it
    as ``decoder`` has the keys of the published depth.pth or var.pth.

    Args:
        skips: channels of the taps at strides 2, 4, 8, 16 and 32.
    """

    def __init__(self, skips: Sequence[int]) -> None:
        parts: list[nn.Module] = []
        above = skips[4]
        for level in LEVELS:
            width = CHANNELS[level]
            parts.append(EluConv3x3(above, width))
            parts.append(EluConv3x3(width + (skips[level - 1] if level else 0), width))
            above = width
        super().__init__([*parts, *(ReflectConv3x3(CHANNELS[level], 1) for level in range(HEADS))])

    def features(self, taps: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Decoder features of levels 4, 3, 2, 1 and 0; (B, `CHANNELS`[level], H/2^level, W/2^level)."""
        x, out = taps[4], []
        for level in LEVELS:
            k = 2 * (4 - level)
            x = F.interpolate(self[k](x), scale_factor=2, mode="nearest")
            x = self[k + 1](torch.cat([x, taps[level - 1]], 1) if level else x)
            out.append(x)
        return out

    def head(self, feature: torch.Tensor, level: int) -> torch.Tensor:
        """The sigmoid map of level 0 to 3 from that level's feature; (B, 1, H/2^level, W/2^level)."""
        return torch.sigmoid(self[2 * len(LEVELS) + level](feature))

    def forward(self, taps: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Maps at full, half, quarter and eighth resolution, in 0..1."""
        features = self.features(taps)
        return [self.head(features[4 - level], level) for level in range(HEADS)]
