"""The network that tells how far the photometric error may be trusted (FlexDepth, second stage)."""

from __future__ import annotations

import torch
from torch import nn

from edgedepth.models.shared.resnet import CHANNELS, ResNet18
from edgedepth.models.shared.upconv_decoder import UpconvDecoder


class VarianceNet(nn.Module):
    """ResNet-18 over the frames of a sample and Monodepth2's decoder.

    State-dict keys: ``encoder.*`` are those of the released var_encoder.pth (without ``encoder.fc``),
    ``decoder.0`` to ``decoder.13`` those of var.pth, whose heads the release calls ``varconv``.

    Args:
        frames: of one sample; released: 3, the target, the one before it and the one after it, in that order.
    """

    def __init__(self, frames: int = 3) -> None:
        super().__init__()
        self.encoder = ResNet18(pictures=frames)
        self.decoder = UpconvDecoder(CHANNELS)

    def forward(self, frames: torch.Tensor) -> list[torch.Tensor]:
        """Sigmoid variance at full, half, quarter and eighth resolution.

        Args:
            frames: (B, 3 * frames, H, W), RGB in 0..1, H and W divisible by 32.

        Returns:
            (B, 1, H/2^s, W/2^s) for s = 0..3, in 0..1.
        """
        out: list[torch.Tensor] = self.decoder(self.encoder(frames))
        return out
