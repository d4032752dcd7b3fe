"""Lite-Mono: a three-stage encoder, a small decoder, sigmoid disparity (keys are the official checkpoints')."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from edgedepth.models.litemono.blocks import DilatedBlock, LocalGlobalBlock, PlainConv
from edgedepth.models.litemono.config import LiteMonoConfig
from edgedepth.models.shared.conv import ReflectConv3x3
from edgedepth.models.shared.upconv_decoder import EluConv3x3

LEVELS = (2, 1, 0)
"""Of the decoder, from stride 16 to the finest; levels are also those of the heads."""
PICTURE_CHANNELS = 3


def _stage(config: LiteMonoConfig, index: int) -> nn.Sequential:
    channels = config.channels[index]
    dilated = [DilatedBlock(channels, dilation, config.expansion) for dilation in config.dilations[index]]
    return nn.Sequential(*dilated, LocalGlobalBlock(channels, config, position=index == 0))


def _downsampling(config: LiteMonoConfig) -> nn.ModuleList:
    """The stem to stride 2, and what goes from one stage to the next."""
    first, *others = config.channels
    stem = nn.Sequential(
        PlainConv(PICTURE_CHANNELS, first, stride=2, normed=True),
        PlainConv(first, first, normed=True),
        PlainConv(first, first, normed=True),
    )
    joined = [2 * above + PICTURE_CHANNELS for above in config.channels]
    between = [nn.Sequential(PlainConv(c_in, c, stride=2)) for c_in, c in zip(joined, others, strict=False)]
    return nn.ModuleList([stem, *between])


def _shrinking(times: int) -> nn.Sequential:
    """Halve the picture that often by 3x3 averages; beyond the border lie zeros, which count."""
    return nn.Sequential(*(nn.AvgPool2d(3, 2, 1) for _ in range(times)))


def _decoder(config: LiteMonoConfig) -> nn.ModuleList:
    """Two convolutions per level from 2 to 0, then the heads of levels 0 to 2, in checkpoint order."""
    widths = [channels // 2 for channels in config.channels]
    above = config.channels[2]
    parts: list[nn.Module] = []
    for level in LEVELS:
        parts.append(EluConv3x3(above, widths[level]))
        skip = config.channels[level - 1] if level else 0
        parts.append(EluConv3x3(widths[level] + skip, widths[level]))
        above = widths[level]
    return nn.ModuleList([*parts, *(ReflectConv3x3(width, 1) for width in widths)])


def _bilinear_x2(x: torch.Tensor) -> torch.Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


class LiteMono(nn.Module):
    """A Lite-Mono network of any scale.

    Input: (B, 3, H, W), RGB in 0..1, H and W divisible by 32; normalization is inside.
    Output: sigmoid disparity in 0..1, (B, 1, H, W); larger is nearer, up to scale.

    State-dict keys are the union of the official folder's encoder.pth (``downsample_layers``, ``stem2``,
    ``stages``) and depth.pth (``decoder.<k>``).
    """

    def __init__(self, config: LiteMonoConfig) -> None:
        super().__init__()
        self.config = config
        first = config.channels[0]
        self.downsample_layers = _downsampling(config)
        self.stem2 = nn.Sequential(PlainConv(first + PICTURE_CHANNELS, first, stride=2))
        self.stages = nn.ModuleList(_stage(config, index) for index in range(3))
        self.decoder = _decoder(config)
        # The release has a fourth chain, which no stage reads and the tables' multiply-adds include.
        self.input_downsample = nn.ModuleList(_shrinking(times) for times in (1, 2, 3, 4))

    def features(self, x: torch.Tensor) -> list[torch.Tensor]:
        """What the three stages give, at strides 4, 8 and 16."""
        x = (x - 0.45) / 0.225
        pictures = [shrink(x) for shrink in self.input_downsample]
        entering = self.stem2(torch.cat([self.downsample_layers[0](x), pictures[0]], 1))
        features = [self.stages[0](entering)]
        for index in (1, 2):
            entering = self.downsample_layers[index](torch.cat([entering, features[-1], pictures[index]], 1))
            features.append(self.stages[index](entering))
        return features

    def decode(self, features: list[torch.Tensor]) -> list[torch.Tensor]:
        """Decoder features of levels 2, 1 and 0, at strides 8, 4 and 2."""
        x, out = features[2], []
        for step, level in enumerate(LEVELS):
            x = _bilinear_x2(self.decoder[2 * step](x))
            x = self.decoder[2 * step + 1](torch.cat([x, features[level - 1]], 1) if level else x)
            out.append(x)
        return out

    def _head(self, x: torch.Tensor, level: int) -> torch.Tensor:
        return torch.sigmoid(_bilinear_x2(self.decoder[2 * len(LEVELS) + level](x)))

    def disparities(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Disparity at full, half and quarter resolution, as training reads them."""
        decoded = self.decode(self.features(x))
        return [self._head(decoded[2 - level], level) for level in reversed(LEVELS)]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Full-resolution disparity; the coarser heads are not computed."""
        return self._head(self.decode(self.features(x))[-1], 0)
