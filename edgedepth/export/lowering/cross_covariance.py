"""Lite-Mono's local-global block on NCHW maps: attention of channels on channels without rank 5 or a stray transpose.

Positions stay where a map has them. A head's scores are cosines, so lengths are taken along positions.
"""

from __future__ import annotations

import math
from typing import Final, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import fx, nn

from edgedepth.export.lowering.displacement import convolution
from edgedepth.export.lowering.graph import replace_calls
from edgedepth.export.lowering.layer_norm import ChannelNorm
from edgedepth.export.lowering.pointwise import pointwise
from edgedepth.export.lowering.target import Target
from edgedepth.models.litemono.blocks import CrossCovarianceAttention, FourierPosition, LayerNorm, LocalGlobalBlock

LEAST_LENGTH: Final = 1e-12
"""Below which torch's `normalize` takes a vector's length to be this."""
HALVES: Final = 2
UNDERFLOW: Final = 128.0
"""exp(-128) is 0 in float32."""
MOST_ROWS: Final = 16384
"""Of the matrices of one product, a batch's together: with more than twice as many, LiteRT's GPU accelerator accepts
the product and computes it wrong."""


class HeadMatrices(nn.Module):
    """Cross-covariance attention for ONNX: heads are a rank of their own; (B, C, H, W) -> (B, C, H, W).

    Args:
        attention: the definition.
        norm: the layer norm in front; the map comes normalized, its scale and shift are taken in here.
        scale: the layer scale behind it.
    """

    temperature: torch.Tensor

    def __init__(self, attention: CrossCovarianceAttention, norm: LayerNorm, scale: torch.Tensor) -> None:
        super().__init__()
        self.heads = attention.heads
        self.qkv = pointwise(attention.qkv, norm=norm)
        self.proj = pointwise(attention.proj, scale=scale)
        self.register_buffer("temperature", attention.temperature.detach().clone())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Attend and project."""
        B, C, H, W = x.shape
        q, k, v = self.qkv(x).reshape(B, 3 * self.heads, C // self.heads, H * W).chunk(3, 1)
        q, k = (t / t.square().sum(-1, keepdim=True).sqrt().clamp_min(LEAST_LENGTH) for t in (q, k))
        weights = ((q @ k.transpose(2, 3)) * self.temperature).softmax(-1)
        out: torch.Tensor = self.proj((weights @ v).reshape(B, C, H, W))
        return out


class HalfMatrices(nn.Module):
    """Cross-covariance attention for TFLite: two halves of the heads, each one matrix; keeps the shape.

    Scores between channels of different heads are computed and masked away: a softmax weighs them exactly zero. Two
    halves lie in the batch, since of a single matrix product the converter would make a FULLY_CONNECTED whose weights
    are an activation, which XNNPACK refuses. Large maps are cut in two along their height, again and again.
    Arguments are those of `HeadMatrices`.
    """

    temperature: torch.Tensor
    mask: torch.Tensor

    def __init__(self, attention: CrossCovarianceAttention, norm: LayerNorm, scale: torch.Tensor) -> None:
        super().__init__()
        channels = attention.proj.in_features
        qkv = pointwise(attention.qkv, norm=norm)
        weight, bias = qkv.weight.detach(), cast("torch.Tensor", qkv.bias).detach()
        rows = torch.split(torch.arange(3 * channels), channels // HALVES)
        parts = [convolution(weight[r], bias[r]) for r in rows]
        self.q, self.k, self.v = (nn.ModuleList(parts[i : i + HALVES]) for i in range(0, 3 * HALVES, HALVES))
        self.proj = pointwise(attention.proj, scale=scale)
        # Of every channel of a half; and what keeps a softmax from looking at another head.
        temperature = attention.temperature.detach().flatten().repeat_interleave(channels // attention.heads)
        self.register_buffer("temperature", temperature.reshape(HALVES, channels // HALVES, 1, 1))
        head = torch.arange(channels // HALVES) // (channels // attention.heads)
        away = -(2 * float(temperature.abs().max()) + UNDERFLOW)
        self.register_buffer("mask", torch.where(head[:, None] == head, 0.0, away)[None])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Attend and project."""
        B, _, H, W = x.shape

        def halves(layers: nn.ModuleList) -> torch.Tensor:
            return torch.cat([layer(x) for layer in layers])

        def lengths(image: torch.Tensor) -> torch.Tensor:
            # A mean, not a sum: it stays in the range of half precision, which GPUs compute in.
            mean = (image * image).mean((2, 3), keepdim=True)
            return torch.rsqrt(mean.clamp_min(LEAST_LENGTH**2 / (H * W))) / math.sqrt(H * W)

        q, k = halves(self.q), halves(self.k)
        temperature = self.temperature.repeat_interleave(B, 0)
        scores = _scores(q * (lengths(q) * temperature), k * lengths(k))
        mixed = _mixed(halves(self.v), (scores + self.mask).softmax(-1).transpose(1, 2))
        out: torch.Tensor = self.proj(torch.cat(mixed.chunk(HALVES), 1))
        return out


def _too_large(image: torch.Tensor) -> bool:
    """Whether a map has more pixels, all pictures together, than one product takes, and can be cut."""
    B, _, H, W = image.shape
    return B * H * W > MOST_ROWS and H % 2 == 0


def _rows(image: torch.Tensor) -> torch.Tensor:
    """(B, C, H, W) as (B, H * W, C)."""
    B, C, H, W = image.shape
    return image.permute(0, 2, 3, 1).reshape(B, H * W, C)


def _scores(q: torch.Tensor, k: torch.Tensor) -> torch.Tensor:
    """Products of every channel of `q` with every channel of `k`, over pixels: (B, C, C)."""
    if _too_large(q):
        (upper_q, lower_q), (upper_k, lower_k) = q.chunk(2, 2), k.chunk(2, 2)
        return _scores(upper_q, upper_k) + _scores(lower_q, lower_k)
    return _rows(q).transpose(1, 2) @ _rows(k)


def _mixed(image: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Channels of (B, C, H, W) mixed by (B, C, C): from row to column."""
    if _too_large(image):
        upper, lower = image.chunk(2, 2)
        return torch.cat([_mixed(upper, weights), _mixed(lower, weights)], 2)
    B, C, H, W = image.shape
    return (_rows(image) @ weights).reshape(B, H, W, C).permute(0, 3, 1, 2)


class ConstantPosition(nn.Module):
    """A map and its `FourierPosition`, whose code is constant; keeps the shape (B, C, H, W).

    The projection is linear, so the code is a sum of what a pixel's row gives and what its column gives. NumPy computes
    both while the graph is recorded, so that constants are all that is left; of the definition the converter leaves
    BROADCAST_TO, which no delegate takes. TFLite files hold the sum as one map.
    """

    def __init__(self, position: FourierPosition) -> None:
        super().__init__()
        projection = position.token_projection
        self.weight: NDArray[np.float64] = projection.weight.detach().double().numpy()[:, :, 0, 0]
        self.bias: NDArray[np.float64] = cast("torch.Tensor", projection.bias).detach().double().numpy()

    def _code(self, axis: int, size: int) -> NDArray[np.float32]:
        """(C, size): what rows (axis 0) or columns (axis 1) add."""
        hidden = FourierPosition.HIDDEN
        place = np.arange(1, size + 1) / (size + FourierPosition.EPS) * (2 * math.pi)
        angle = place / FourierPosition.TEMPERATURE ** (np.arange(0, hidden, 2) / hidden)[:, None]
        waves = np.stack([np.sin(angle), np.cos(angle)], 1).reshape(hidden, size)
        code = self.weight[:, axis * hidden : (axis + 1) * hidden] @ waves + axis * self.bias[:, None]
        return np.asarray(code, np.float32)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Add the code."""
        rows, columns = (torch.from_numpy(self._code(axis, size)) for axis, size in enumerate(x.shape[2:]))
        return x + rows[None, :, :, None] + columns[None, :, None, :]


class MapBlock(nn.Module):
    """`LocalGlobalBlock` on NCHW maps; keeps the shape."""

    def __init__(self, block: LocalGlobalBlock, target: Target) -> None:
        super().__init__()
        self.position = None if block.pos_embd is None else ConstantPosition(block.pos_embd)
        self.norm = ChannelNorm(LayerNorm.EPS)
        form = HeadMatrices if target == "onnx" else HalfMatrices
        self.attention = form(block.xca, block.norm_xca, block.gamma_xca)
        self.widen = pointwise(block.pwconv1, norm=block.norm)
        self.act = nn.GELU()
        self.narrow = pointwise(block.pwconv2, scale=block.gamma)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Attend over channels, mix them, and add to the input."""
        placed = x if self.position is None else self.position(x)
        placed = placed + self.attention(self.norm(placed))
        out: torch.Tensor = x + self.narrow(self.act(self.widen(self.norm(placed))))
        return out


def lower_cross_covariance(graph: fx.GraphModule, target: Target) -> int:
    """Replace every `LocalGlobalBlock`.

    Precondition: an even number of heads; others stay.

    Returns:
        How many were replaced.
    """

    def made(block: LocalGlobalBlock) -> MapBlock | None:
        return None if block.xca.heads % HALVES else MapBlock(block, target)

    return replace_calls(graph, LocalGlobalBlock, made)
