"""ZoeDepth's metric-bins head (Bhat et al. 2023, v1): depth as the expectation over 64 bins that every pixel places.

Keys are those of the published layers. All convolutions are 1x1 with bias; `up` is bilinear with aligned corners.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

BINS: Final = 64
EMBEDDING: Final = 128
ATTRACTORS: Final = (16, 8, 4, 1)
"""Per level, coarse to fine."""
FEATURES: Final = (256, 128, 64, 32)
"""Channels of the decoder features, at strides 16, 8, 4 and 2."""
ALPHA: Final = 300.0
"""An attractor at distance d moves a bin by ``d / (1 + ALPHA * d^2)``, so by 29 mm at most.

The published layers are configured with 1000, but never pass it on: their function runs with its default.
"""
TEMPERATURES: Final = (0.0212, 50.0)
LEAST: Final = 1e-4
"""Added to what gives probability and temperature; and the least probability that a logarithm is taken of."""
NEAREST_SEED: Final = 1.0
FARTHEST_SEED: Final = 100.0
"""Metres: where `MetricBins.spread` puts the outermost bins."""
_SEED_GAIN: Final = 0.1


class Bins(NamedTuple):
    """What the head gives.

    Attributes:
        depth: (B, 1, H, W), metres.
        centres: (B, 64, h, w), metres, at the last attractor's resolution; neither sorted nor bounded.
        probabilities: (B, 64, H, W), their sum over bins is 1.
    """

    depth: torch.Tensor
    centres: torch.Tensor
    probabilities: torch.Tensor


def up(x: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """`x` at the height and width of `like`: bilinear, the corners' centres on each other."""
    return F.interpolate(x, like.shape[-2:], mode="bilinear", align_corners=True)


def expected_depth(probabilities: torch.Tensor, centres: torch.Tensor) -> torch.Tensor:
    """The mean of the bins' centres.

    Args:
        probabilities: (B, 64, H, W).
        centres: (B, 64, h, w), metres; brought to the probabilities' resolution.

    Returns:
        (B, 1, H, W), metres.
    """
    return (probabilities * up(centres, probabilities)).sum(1, keepdim=True)


class Mlp(nn.Module):
    """Two 1x1 convolutions with a ReLU between; (B, c_in, H, W) -> (B, c_out, H, W)."""

    def __init__(self, c_in: int, hidden: int, c_out: int) -> None:
        super().__init__()
        self._net = nn.Sequential(nn.Conv2d(c_in, hidden, 1), nn.ReLU(), nn.Conv2d(hidden, c_out, 1))

    @property
    def layers(self) -> tuple[nn.Conv2d, nn.Conv2d]:
        """The two convolutions."""
        first, _, second = self._net
        assert isinstance(first, nn.Conv2d)  # noqa: S101 - __init__ made it
        assert isinstance(second, nn.Conv2d)  # noqa: S101
        return first, second

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Mix the channels twice."""
        out: torch.Tensor = self._net(x)
        return out


def attract(centres: torch.Tensor, attractors: torch.Tensor) -> torch.Tensor:
    """Centres moved towards attractors: ``c + mean over a of d / (1 + ALPHA d^2)``, ``d = a - c``.

    Args:
        centres: (B, 64, H, W), metres.
        attractors: (B, n, H, W), metres.
    """
    distance = attractors[:, :, None] - centres[:, None]
    return centres + (distance / (1 + ALPHA * distance * distance)).mean(1)


class _LogBinomialTable(nn.Module):
    """The published buffers: bin numbers, and the last of them."""

    k_idx: torch.Tensor
    K_minus_1: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("k_idx", torch.arange(BINS).view(1, BINS, 1, 1))
        self.register_buffer("K_minus_1", torch.tensor([float(BINS - 1)]).view(1, 1, 1, 1))

    def rows(self) -> torch.Tensor:
        """Per bin k: Stirling's logarithm of the binomial coefficient, k, and 63 - k; (64, 3), rounded as published."""
        tiny = 1e-7
        k, rest = self.k_idx.flatten(), (self.K_minus_1 - self.k_idx).flatten()
        n, shifted = self.K_minus_1.flatten() + tiny, k + tiny
        left = n - shifted
        logarithm = n * n.log() - shifted * shifted.log() - left * (left + tiny).log()
        return torch.stack([logarithm, k.to(logarithm.dtype), rest], 1)


class ConditionalLogBinomial(nn.Module):
    """Probabilities of the bins from full-resolution features: a binomial distribution with a temperature.

    Args:
        c_in: channels of the features.
        condition: channels of what is concatenated behind them.
    """

    def __init__(self, c_in: int, condition: int) -> None:
        super().__init__()
        self.log_binomial_transform = _LogBinomialTable()
        hidden = (c_in + condition) // 2
        self.mlp = nn.Sequential(nn.Conv2d(c_in + condition, hidden, 1), nn.GELU(), nn.Conv2d(hidden, 4, 1))

    def forward(self, features: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        """Probabilities (B, 64, H, W) of features (B, c_in, H, W) and a condition of that size."""
        positive = F.softplus(self.mlp(torch.cat([features, condition], 1))) + LEAST
        chance, heat = positive[:, :2], positive[:, 2:]
        p = chance[:, :1] / chance.sum(1, keepdim=True)
        low, high = TEMPERATURES
        t = (high - low) * (heat[:, :1] / heat.sum(1, keepdim=True)) + low
        # (L(k) + k log p + (63 - k) log(1 - p)) / t, of all bins at once; L are the coefficients' logarithms.
        terms = [torch.ones_like(t), p.clamp_min(LEAST).log(), (1 - p).clamp_min(LEAST).log()]
        rows = self.log_binomial_transform.rows()[:, :, None, None]
        return F.conv2d(torch.cat(terms, 1) / t, rows).softmax(1)


class MetricBins(nn.Module):
    """Bin centres from coarse features, moved at every level, and probabilities at full resolution.

    Args:
        bottleneck: channels of the encoder's last feature.
        last: channels of the decoder's full-resolution feature.
    """

    def __init__(self, bottleneck: int, last: int) -> None:
        super().__init__()
        self.conv2 = nn.Conv2d(bottleneck, bottleneck, 1)
        self.seed_bin_regressor = Mlp(bottleneck, 256, BINS)
        self.seed_projector = Mlp(bottleneck, EMBEDDING, EMBEDDING)
        self.projectors = nn.ModuleList(Mlp(width, EMBEDDING, EMBEDDING) for width in FEATURES)
        self.attractors = nn.ModuleList(Mlp(EMBEDDING, EMBEDDING, n) for n in ATTRACTORS)
        self.conditional_log_binomial = ConditionalLogBinomial(last + 1, EMBEDDING)

    def spread(self) -> None:
        """Let the seed centres start out evenly in logarithmic depth, 1 to 100 m, instead of all near one metre.

        What the picture adds to them starts out a tenth as large as other layers' outputs, so that they stay apart.
        """
        steps = torch.linspace(math.log(NEAREST_SEED), math.log(FARTHEST_SEED), BINS, dtype=torch.float64).exp()
        layer = self.seed_bin_regressor.layers[1]
        bias = layer.bias
        assert bias is not None  # noqa: S101 - Mlp's have one
        with torch.no_grad():
            layer.weight.mul_(_SEED_GAIN)
            bias.copy_(steps + (-(-steps).expm1()).log())  # the softplus of it is the step

    def forward(
        self,
        bottleneck: torch.Tensor,
        features: Sequence[torch.Tensor],
        last: torch.Tensor,
        relative: torch.Tensor,
    ) -> Bins:
        """Place the bins and weigh them.

        Args:
            bottleneck: (B, C, H/32, W/32), of the encoder.
            features: 256, 128, 64 and 32 channels at strides 16, 8, 4 and 2, of the decoder.
            last: (B, C, H, W), of the decoder.
            relative: (B, 1, H, W), sigmoid disparity.
        """
        x = self.conv2(bottleneck)
        centres = F.softplus(self.seed_bin_regressor(x))
        embedding = self.seed_projector(x)
        for project, attractors, feature in zip(self.projectors, self.attractors, features, strict=True):
            coarser, embedding = embedding, project(feature)
            points = F.softplus(attractors(embedding + up(coarser, embedding)))
            centres = attract(up(centres, points), points)
        whole = torch.cat([last, relative], 1)
        probabilities = self.conditional_log_binomial(whole, up(embedding, last))
        return Bins(expected_depth(probabilities, centres), centres, probabilities)
