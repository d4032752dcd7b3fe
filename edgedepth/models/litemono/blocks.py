"""Lite-Mono's two blocks (Zhang et al. 2023, Section 3.2): dilated convolutions and local-global attention.

Parameter names are the official checkpoints'. Maps are NCHW; linear layers see channels last.
"""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import nn
from torch.nn import functional as F

from edgedepth.models.litemono.config import LiteMonoConfig

LAYER_SCALE: Final = 1e-6
"""Where training starts the layer scales."""


class PlainConv(nn.Module):
    """Square convolution without bias; (B, c_in, H, W) -> (B, c_out, ceil(H/stride), ceil(W/stride)).

    Args:
        normed: batch norm and GELU follow.
    """

    def __init__(
        self, c_in: int, c_out: int, *, stride: int = 1, dilation: int = 1, groups: int = 1, normed: bool = False
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, 3, stride, dilation, dilation, groups, bias=False)
        self.bn_gelu = _BatchNormGelu(c_out) if normed else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Convolve."""
        out: torch.Tensor = self.bn_gelu(self.conv(x))
        return out


class _BatchNormGelu(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bn = nn.BatchNorm2d(channels)
        self.act = nn.GELU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.act(self.bn(x))
        return out


class LayerNorm(nn.Module):
    """Layer norm over the last dimension; a class of its own, since the paper's counting tool knows torch's alone."""

    EPS = 1e-6

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalize, scale and shift."""
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias, self.EPS)


class DilatedBlock(nn.Module):
    """Depthwise dilated 3x3 convolution, two linear layers, layer scale, residual; keeps the shape.

    `norm` is a layer norm that the published network stores and never applies.
    """

    def __init__(self, channels: int, dilation: int, expansion: int) -> None:
        super().__init__()
        self.ddwconv = PlainConv(channels, channels, dilation=dilation, groups=channels)
        self.bn1 = nn.BatchNorm2d(channels)
        self.norm = LayerNorm(channels)
        self.pwconv1 = nn.Linear(channels, expansion * channels)
        self.act = nn.GELU()
        self.pwconv2 = nn.Linear(expansion * channels, channels)
        self.gamma = nn.Parameter(torch.full((channels,), LAYER_SCALE))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Mix neighbours, then channels, and add to the input."""
        y = self.bn1(self.ddwconv(x)).permute(0, 2, 3, 1)
        y = self.gamma * self.pwconv2(self.act(self.pwconv1(y)))
        out: torch.Tensor = x + y.permute(0, 3, 1, 2)
        return out


class FourierPosition(nn.Module):
    """A code of every pixel's place: sines and cosines of 16 frequencies per axis, projected by a 1x1 convolution."""

    HIDDEN = 32
    TEMPERATURE = 1e4
    EPS = 1e-6

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.token_projection = nn.Conv2d(2 * self.HIDDEN, channels, 1)

    def _waves(self, size: int, like: torch.Tensor) -> torch.Tensor:
        """(size, HIDDEN): sine and cosine in turn, of 2 pi times the place in (0, 1] over rising periods."""
        place = torch.arange(1, size + 1, dtype=like.dtype, device=like.device) / (size + self.EPS) * (2 * math.pi)
        exponent = torch.arange(0, self.HIDDEN, 2, dtype=like.dtype, device=like.device) / self.HIDDEN
        angle = place[:, None] / self.TEMPERATURE**exponent
        return torch.stack([angle.sin(), angle.cos()], 2).flatten(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The code (1, channels, H, W) for maps of the size of `x` (B, channels, H, W): rows first, then columns."""
        H, W = x.shape[2:]
        rows = self._waves(H, x).t()[None, :, :, None].expand(1, self.HIDDEN, H, W)
        columns = self._waves(W, x).t()[None, :, None, :].expand(1, self.HIDDEN, H, W)
        out: torch.Tensor = self.token_projection(torch.cat([rows, columns], 1))
        return out


class CrossCovarianceAttention(nn.Module):
    """Attention of channels on channels, head by head (El-Nouby et al. 2021, XCiT); (B, N, C) -> (B, N, C).

    Queries and keys have unit length along the N tokens, so a head's scores are cosines times its temperature.
    """

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(channels, 3 * channels)
        self.proj = nn.Linear(channels, channels)
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Attend and project."""
        B, N, C = x.shape
        q, k, v = self.qkv(x).reshape(B, N, 3, self.heads, C // self.heads).permute(2, 0, 3, 4, 1)
        scores = F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).transpose(-2, -1) * self.temperature
        mixed = (scores.softmax(-1) @ v).permute(0, 3, 1, 2).reshape(B, N, C)
        out: torch.Tensor = self.proj(mixed)
        return out


class LocalGlobalBlock(nn.Module):
    """LGFI: cross-covariance attention, two linear layers, layer scales and residuals; keeps the shape.

    Args:
        channels: of the map.
        config: heads and expansion.
        position: whether a Fourier position code is added first.
    """

    def __init__(self, channels: int, config: LiteMonoConfig, *, position: bool) -> None:
        super().__init__()
        self.pos_embd = FourierPosition(channels) if position else None
        self.norm_xca = LayerNorm(channels)
        self.gamma_xca = nn.Parameter(torch.full((channels,), LAYER_SCALE))
        self.xca = CrossCovarianceAttention(channels, config.heads)
        self.norm = LayerNorm(channels)
        self.pwconv1 = nn.Linear(channels, config.expansion * channels)
        self.act = nn.GELU()
        self.pwconv2 = nn.Linear(config.expansion * channels, channels)
        self.gamma = nn.Parameter(torch.full((channels,), LAYER_SCALE))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Attend over channels, mix them, and add to the input."""
        B, C, H, W = x.shape
        placed = x if self.pos_embd is None else x + self.pos_embd(x)
        tokens = placed.flatten(2).transpose(1, 2)
        tokens = tokens + self.gamma_xca * self.xca(self.norm_xca(tokens))
        y = self.norm(tokens.reshape(B, H, W, C))
        y = self.gamma * self.pwconv2(self.act(self.pwconv1(y)))
        out: torch.Tensor = x + y.permute(0, 3, 1, 2)
        return out
