"""The refiner's encoder: a light classification backbone that also sees the coarse depth."""

from __future__ import annotations

import importlib
from typing import Any

import torch
from torch import nn

from edgedepth.errors import MissingDependencyError

Triple = tuple[float, float, float]


class FineBranch(nn.Module):
    """A timm backbone with a stem of four channels: normalized RGB and the coarse depth as it is, in metres.

    A backbone that starts at quarter resolution (ConvNeXt) gets one more level by a transposed convolution. The
    published code also prepends a doubled copy of the finest level, which nothing reads; it is not computed here.

    Args:
        name: timm's, without weights.
        mean, std: of the normalization, per channel.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, name: str, mean: Triple, std: Triple) -> None:
        super().__init__()
        backbone = _timm().create_model(name, pretrained=False, features_only=True, in_chans=4)
        channels = tuple(backbone.feature_info.channels())
        self.refiner_encoder = backbone
        self.upsample_convx: nn.Module | None = None
        if backbone.feature_info.reduction()[0] == 4:
            extra = channels[0] // 2
            self.upsample_convx = nn.Sequential(nn.ConvTranspose2d(channels[0], extra, 2, stride=2), nn.ReLU())
            channels = (extra, *channels)
        self.channels: tuple[int, ...] = channels
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)

    def forward(self, patch: torch.Tensor, coarse_depth: torch.Tensor) -> list[torch.Tensor]:
        """(B, 3, H, W) in 0..1 and (B, 1, H, W) in metres -> five taps at strides 2 to 32, finest first."""
        x = torch.cat([(patch - self.mean) / self.std, coarse_depth], 1)
        taps: list[torch.Tensor] = self.refiner_encoder(x)
        if self.upsample_convx is not None:
            taps = [self.upsample_convx(taps[0]), *taps]
        return taps


def _timm() -> Any:
    try:
        return importlib.import_module("timm")
    except ImportError as error:
        raise MissingDependencyError(
            "The refiners' encoders come from timm, which cannot be imported.", str(error), "pip install 'timm>=1.0.3'"
        ) from error
