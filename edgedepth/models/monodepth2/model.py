"""Monodepth2's depth network (Godard et al. 2019); keys are the official checkpoints'."""

from __future__ import annotations

import torch
from torch import nn

from edgedepth.models.monodepth2.config import Monodepth2Config
from edgedepth.models.shared.resnet import CHANNELS, ResNet18
from edgedepth.models.shared.upconv_decoder import UpconvDecoder


class Monodepth2(nn.Module):
    """ResNet-18 and the decoder with nearest upsampling.

    Input: (B, 3, H, W), RGB in 0..1, H and W divisible by 32; normalization is inside.
    Output: sigmoid disparity in 0..1, (B, 1, H, W); larger is nearer, up to scale.
    """

    def __init__(self, config: Monodepth2Config) -> None:
        super().__init__()
        self.config = config
        self.encoder = ResNet18()
        self.decoder = UpconvDecoder(CHANNELS)

    def features(self, x: torch.Tensor) -> list[torch.Tensor]:
        """The five encoder taps, at strides 2, 4, 8, 16 and 32."""
        taps: list[torch.Tensor] = self.encoder(x)
        return taps

    def decode(self, taps: list[torch.Tensor]) -> list[torch.Tensor]:
        """Decoder features of levels 4 to 0, at strides 16, 8, 4, 2 and 1."""
        return self.decoder.features(taps)

    def pyramid(self, taps: list[torch.Tensor]) -> list[torch.Tensor]:
        """Decoder features at strides 1, 2, 4, 8 and 16, with 16, 32, 64, 128 and 256 channels."""
        return self.decode(taps)[::-1]

    def head(self, feature: torch.Tensor, scale: int) -> torch.Tensor:
        """Disparity of scale 0 to 3 from the decoder feature at stride 2^scale."""
        return self.decoder.head(feature, scale)

    def heads(self, features: list[torch.Tensor]) -> list[torch.Tensor]:
        """Disparity at full, half, quarter and eighth resolution, of the decoder's features."""
        return [self.decoder.head(features[4 - level], level) for level in range(4)]

    def disparities(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Disparity at full, half, quarter and eighth resolution, as training reads them."""
        return self.heads(self.decode(self.features(x)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Full-resolution disparity; the coarser heads are not computed."""
        return self.decoder.head(self.decode(self.features(x))[-1], 0)
