"""HR-Depth's depth network (Lyu et al. 2021); keys are the official checkpoints', each module under one name."""

from __future__ import annotations

import torch

from edgedepth.models.hrdepth.config import HRDepthConfig
from edgedepth.models.shared.nested_decoder import NestedDecoder, NestedDepth
from edgedepth.models.shared.resnet import CHANNELS, ResNet18


def build_decoder() -> NestedDecoder:
    """The nested decoder on ResNet-18's taps."""
    return NestedDecoder(CHANNELS, "dispConvScale")


class HRDepth(NestedDepth):
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
