"""HR-Depth's depth network (Lyu et al. 2021); keys are the official checkpoints', each module under one name."""

from __future__ import annotations

import torch
from torch import nn

from edgedepth.models.hrdepth.config import HRDepthConfig
from edgedepth.models.shared.nested_decoder import HEADS, NestedDecoder
from edgedepth.models.shared.resnet import CHANNELS, ResNet18


def build_decoder() -> NestedDecoder:
    """The nested decoder on ResNet-18's taps."""
    return NestedDecoder(CHANNELS, "dispConvScale")


class HRDepth(nn.Module):
    """ResNet-18 and the nested decoder.

    Input: (B, 3, H, W), RGB in 0..1, H and W divisible by 32; normalization is inside.
    Output: sigmoid disparity in 0..1, (B, 1, H, W); larger is nearer, up to scale.
    """

    def __init__(self, config: HRDepthConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = ResNet18()
        self.convs = build_decoder()

    def features(self, x: torch.Tensor) -> list[torch.Tensor]:
        """The five encoder taps, at strides 2, 4, 8, 16 and 32."""
        taps: list[torch.Tensor] = self.encoder(x)
        return taps

    def decode(self, taps: list[torch.Tensor]) -> list[torch.Tensor]:
        """What the heads read, at full, half, quarter and eighth resolution."""
        return self.pyramid(taps)[:HEADS]

    def pyramid(self, taps: list[torch.Tensor]) -> list[torch.Tensor]:
        """Decoder features at strides 1, 2, 4, 8 and 16, with 16, 32, 64, 128 and 256 channels."""
        return self.convs.features(taps)

    def head(self, feature: torch.Tensor, scale: int) -> torch.Tensor:
        """Disparity of scale 0 to 3 from the decoder feature at stride 2^scale."""
        return self.convs.head(feature, scale)

    def heads(self, features: list[torch.Tensor]) -> list[torch.Tensor]:
        """Disparity at full, half, quarter and eighth resolution, of the decoder's features."""
        return [self.convs.head(features[scale], scale) for scale in range(HEADS)]

    def disparities(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Disparity at full, half, quarter and eighth resolution, as training reads them."""
        return self.heads(self.decode(self.features(x)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Full-resolution disparity; the coarser heads are not computed."""
        return self.convs.head(self.decode(self.features(x))[0], 0)
