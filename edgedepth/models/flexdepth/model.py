"""FlexDepth: YOLO11 backbone, Scale-Driven Decoder, sigmoid disparity (keys are the official checkpoints')."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F

from edgedepth.models.flexdepth.blocks import C2PSA, SPPF, C3k2
from edgedepth.models.flexdepth.config import FlexDepthConfig
from edgedepth.models.shared.conv import ConvBnAct, ReflectConv3x3
from edgedepth.models.shared.dysample import DySample

TAPS = (0, 2, 4, 6, 10)
LEVELS = (4, 3, 2, 1)


class BilinearUp(nn.Module):
    """Bilinear x2 with ``align_corners=False``; (B, C, H, W) -> (B, C, 2H, 2W)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Upsample."""
        return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def build_encoder(config: FlexDepthConfig) -> nn.Sequential:
    """Backbone layers 0..10; the decoder reads layers 0, 2, 4, 6 and 10 at strides 2 to 32."""
    w = [config.encoder_width(i) for i in range(11)]
    n, early = config.repeats, config.c3k_early
    return nn.Sequential(
        ConvBnAct(3, w[0], 3, 2),
        ConvBnAct(w[0], w[1], 3, 2),
        C3k2(w[1], w[2], n, nested=early, expansion=0.25),
        ConvBnAct(w[2], w[3], 3, 2),
        C3k2(w[3], w[4], n, nested=early, expansion=0.25),
        ConvBnAct(w[4], w[5], 3, 2),
        C3k2(w[5], w[6], n, nested=True, expansion=0.5),
        ConvBnAct(w[6], w[7], 3, 2),
        C3k2(w[7], w[8], n, nested=True, expansion=0.5),
        SPPF(w[9]),
        C2PSA(w[10], n),
    )


def build_decoder(config: FlexDepthConfig) -> nn.ModuleList:
    """Upsampling and block of levels 4 to 1, then the heads of levels 1 to 4, in checkpoint order."""
    skips = [config.encoder_width(tap) for tap in TAPS]
    widths = {level: config.decoder_width(level) for level in LEVELS} | {5: skips[4]}

    def upsampler(channels: int, level: int) -> nn.Module:
        if config.upsample == "bilinear":
            return BilinearUp()
        limit = config.offset_limits[level - 1] if config.offset_limits else None
        return DySample(channels, config.groups, offset_limit=limit)

    parts: list[nn.Module] = []
    for above, level in pairwise((5, *LEVELS)):
        parts.append(upsampler(widths[above], level))
        c_in = widths[above] + skips[level - 1]
        nested = config.decoder_block == "HPB"
        parts.append(C3k2(c_in, widths[level], 1, nested=nested, expansion=0.5))
    for level in reversed(LEVELS):
        parts.append(ReflectConv3x3(widths[level], 1))
        if config.head == "inverted":
            parts.append(upsampler(widths[level], level))
    return nn.ModuleList(parts)


class FlexDepth(nn.Module):
    """A FlexDepth network of any scale.

    Input: (B, 3, H, W), RGB in 0..1, H and W divisible by 32; normalization is inside.
    Output: sigmoid disparity in 0..1, (B, 1, H, W); larger is nearer, up to scale.

    State-dict keys are ``encoder.<layer>...`` and ``decoder.<k>...``: the union of the official folder's
    encoder.pth and depth.pth.
    """

    def __init__(self, config: FlexDepthConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = build_encoder(config)
        self.decoder = build_decoder(config)

    def features(self, x: torch.Tensor) -> list[torch.Tensor]:
        """The five encoder taps, at strides 2, 4, 8, 16 and 32."""
        x = (x - 0.45) / 0.225
        taps = []
        for index, layer in enumerate(self.encoder):
            x = layer(x)
            if index in TAPS:
                taps.append(x)
        return taps

    def _head(self, x: torch.Tensor, level: int) -> torch.Tensor:
        if self.config.head == "inverted":
            k = 8 + 2 * (level - 1)
            return torch.sigmoid(self.decoder[k](self.decoder[k + 1](x)))
        x = self.decoder[8 + level - 1](x)
        return torch.sigmoid(F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False))

    def decode(self, taps: list[torch.Tensor]) -> list[torch.Tensor]:
        """Decoder features of levels 4, 3, 2 and 1, at strides 16, 8, 4 and 2."""
        x, features = taps[4], []
        for step, level in enumerate(LEVELS):
            upsampled = self.decoder[2 * step](x)
            x = self.decoder[2 * step + 1](torch.cat([upsampled, taps[level - 1]], 1))
            features.append(x)
        return features

    def heads(self, features: list[torch.Tensor]) -> list[torch.Tensor]:
        """Disparity at full, half, quarter and eighth resolution, of the decoder's features."""
        return [self._head(features[4 - level], level) for level in reversed(LEVELS)]

    def disparities(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Disparity at full, half, quarter and eighth resolution, as training reads them."""
        return self.heads(self.decode(self.features(x)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Full-resolution disparity; the coarser heads are not computed."""
        return self._head(self.decode(self.features(x))[-1], 1)
