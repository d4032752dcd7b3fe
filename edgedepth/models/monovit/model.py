"""MonoViT's depth network (Zhao et al. 2022); keys are the official checkpoints', each module under one name."""

from __future__ import annotations

from edgedepth.models.monovit.config import MonoViTConfig
from edgedepth.models.monovit.mpvit import MPViT
from edgedepth.models.shared.channel_gate import GatedConv3x3
from edgedepth.models.shared.nested_decoder import NestedDecoder, NestedDepth

DECODER_SKIPS = (64, 128, 256, 512)
"""Channels of taps 1 to 4 once the decoder has brought them to ResNet-18's widths."""


def build_decoder(config: MonoViTConfig) -> NestedDecoder:
    """The nested decoder behind a gated convolution per tap, coarsest first."""
    first, *widths = (*config.widths, config.widths[-1])
    gates = {tap: GatedConv3x3(widths[tap - 1], DECODER_SKIPS[tap - 1]) for tap in (4, 3, 2, 1)}
    return NestedDecoder((first, *DECODER_SKIPS), "dispconv", gates)


class MonoViT(MPViT, NestedDepth):
    """MPViT and the nested decoder; the backbone's keys have no prefix in the official folder, so none here.

    Input: (B, 3, H, W), RGB in 0..1, not normalized, H and W divisible by 32.
    Output: sigmoid disparity in 0..1, (B, 1, H, W); larger is nearer, up to scale.
    """

    initial_gain = 1.0
    """Of seeded weights: its many residuals add up, and at a larger gain the disparity saturates."""

    def __init__(self, config: MonoViTConfig) -> None:
        super().__init__(config)
        self.config = config
        self.convs = build_decoder(config)
