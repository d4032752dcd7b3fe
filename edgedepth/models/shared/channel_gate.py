"""Channels weighed by what the whole map holds of them (squeeze and excitation, Hu et al. 2018)."""

from __future__ import annotations

import torch
from torch import nn

REDUCTION = 16


class ChannelGate(nn.Module):
    """A factor in 0..1 per channel, from the channels' means over the map; keeps the shape (B, C, H, W)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = channels // REDUCTION
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Sequential(
            nn.Linear(channels, hidden, bias=False), nn.ReLU(), nn.Linear(hidden, channels, bias=False)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Weigh the channels."""
        weights = torch.sigmoid(self.fc(self.pool(x).flatten(1)))
        return x * weights[:, :, None, None]


class GatedMerge(ChannelGate):
    """Gated channels through a 1x1 convolution and ReLU; (B, c_in, H, W) -> (B, c_out, H, W).

    HR-Depth's feature fusion (fSE) once the maps are concatenated.
    """

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__(c_in)
        self.conv_se = nn.Conv2d(c_in, c_out, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Weigh the channels and mix them."""
        return torch.relu(self.conv_se(super().forward(x)))


class GatedConv3x3(nn.Module):
    """Gated channels through a zero-padded 3x3 convolution and ReLU; (B, c_in, H, W) -> (B, c_out, H, W).

    What MonoViT's decoder does to each tap of the encoder.
    """

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.ca = ChannelGate(c_in)
        self.conv_se = nn.Conv2d(c_in, c_out, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Weigh the channels and convolve."""
        return torch.relu(self.conv_se(self.ca(x)))
