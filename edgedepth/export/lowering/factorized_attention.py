"""MPViT's transformer blocks on NCHW maps: linear layers are 1x1 convolutions, nothing above rank 4.

Of a head's ``q (softmax(k)^T v)``, the part in brackets is a small matrix of channels by channels. ONNX Runtime takes
heads as a rank of their own. For TFLite all heads are one matrix: products of channels of different heads are computed
too, and multiplied by zero, which is cheaper than moving the heads apart and together.
"""

from __future__ import annotations

import copy
from typing import cast

import torch
from torch import fx, nn

from edgedepth.export.lowering.displacement import convolution
from edgedepth.export.lowering.graph import replace_calls
from edgedepth.export.lowering.layer_norm import ChannelNorm
from edgedepth.export.lowering.pointwise import pointwise
from edgedepth.export.lowering.target import Target
from edgedepth.models.monovit.mpvit import (
    NORM_EPS,
    ConvPosEnc,
    ConvRelPosEnc,
    FactorizedAttention,
    PathEncoder,
    TransformerBlock,
)


@torch.library.custom_op("edgedepth::batch_matmul", mutates_args=())
def batch_matmul(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """TFLite's BATCH_MATMUL: (B, 1, N, K) and (B, 1, K, M) -> (B, 1, N, M).

    Of a batch of one, the converter would make a FULLY_CONNECTED whose weights are an activation, which XNNPACK
    refuses. In rank 3, LiteRT's GPU accelerator takes the product of two activations but gives other values.
    """
    return x @ y


@batch_matmul.register_fake
def _(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return x.new_empty(*x.shape[:3], y.shape[3])


class HeadRanks(nn.Module):
    """`FactorizedAttention` for ONNX: heads are a rank of their own; (B, C, H, W) -> (B, C, H, W)."""

    def __init__(self, attention: FactorizedAttention, norm: nn.LayerNorm, relative: ConvRelPosEnc) -> None:
        super().__init__()
        self.heads, self.scale = attention.heads, attention.scale
        self.qkv = pointwise(attention.qkv, norm=norm)
        self.relative = relative
        self.proj = pointwise(attention.proj)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Attend and project."""
        B, C, H, W = x.shape
        images = self.qkv(x).chunk(3, 1)
        q, k, v = (image.reshape(B, self.heads, C // self.heads, H * W) for image in images)
        context = (k.softmax(-1) @ v.transpose(2, 3)) * self.scale
        attended = (context.transpose(2, 3) @ q).reshape(B, C, H, W)
        out: torch.Tensor = self.proj(attended + images[0] * self.relative(images[2]))
        return out


class OneMatrix(nn.Module):
    """`FactorizedAttention` for TFLite: all heads in one matrix; (B, C, H, W) -> (B, C, H, W)."""

    def __init__(self, attention: FactorizedAttention, norm: nn.LayerNorm, relative: ConvRelPosEnc) -> None:
        super().__init__()
        qkv = pointwise(attention.qkv, norm=norm)
        channels = attention.proj.in_features
        # Values come in the parts that the relative position code convolves apart.
        widths = [channels, channels, *relative.widths]
        weights, biases = (torch.split(t.detach(), widths) for t in (qkv.weight, cast("torch.Tensor", qkv.bias)))
        self.q, self.k, *values = (convolution(w, b) for w, b in zip(weights, biases, strict=True))
        self.v = nn.ModuleList(values)
        self.relative = relative.conv_list
        self.proj = pointwise(attention.proj)
        head = torch.arange(channels) // (channels // attention.heads)
        self.register_buffer("mask", torch.where(head[:, None] == head, attention.scale, 0.0)[None, None])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Attend and project."""
        B, C, H, W = x.shape

        def rows(image: torch.Tensor) -> torch.Tensor:
            return image.permute(0, 2, 3, 1).reshape(B, 1, H * W, C)

        q, values = self.q(x), [v(x) for v in self.v]
        weights = torch.softmax(rows(self.k(x)).transpose(2, 3), -1)
        context = batch_matmul(weights, rows(torch.cat(values, 1))) * self.mask
        attended = batch_matmul(rows(q), context).reshape(B, H, W, C).permute(0, 3, 1, 2)
        code = torch.cat([conv(value) for conv, value in zip(self.relative, values, strict=True)], 1)
        out: torch.Tensor = self.proj(attended + q * code)
        return out


def _placed(position: ConvPosEnc) -> nn.Conv2d:
    """The position code with the map that it is added to: one more at the middle of every kernel."""
    conv = copy.deepcopy(position.proj)
    with torch.no_grad():
        conv.weight[:, 0, 1, 1] += 1
    return conv


class MapBlock(nn.Module):
    """`TransformerBlock` behind its position code; (B, C, H, W) -> (B, C, H, W)."""

    def __init__(self, block: TransformerBlock, relative: ConvRelPosEnc, target: Target) -> None:
        super().__init__()
        self.norm = ChannelNorm(NORM_EPS)
        form = HeadRanks if target == "onnx" else OneMatrix
        self.attention = form(block.factoratt_crpe, block.norm1, relative)
        self.widen = pointwise(block.mlp.fc1, norm=block.norm2)
        self.act = nn.GELU()
        self.narrow = pointwise(block.mlp.fc2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Attend, feed forward, each added to what it reads."""
        x = x + self.attention(self.norm(x))
        out: torch.Tensor = x + self.narrow(self.act(self.widen(self.norm(x))))
        return out


class MapPath(nn.Module):
    """`PathEncoder` on NCHW maps; (B, C, H, W) -> (B, C, H, W)."""

    def __init__(self, path: PathEncoder, target: Target) -> None:
        super().__init__()
        self.position = _placed(path.cpe)
        self.blocks = nn.ModuleList(
            MapBlock(cast("TransformerBlock", block), path.crpe, target) for block in path.MHCA_layers
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply the blocks."""
        for block in self.blocks:
            x = block(self.position(x))
        return x


def lower_factorized_attention(graph: fx.GraphModule, target: Target) -> int:
    """Replace every `PathEncoder`.

    Returns:
        How many were replaced.
    """
    return replace_calls(graph, PathEncoder, lambda path: MapPath(path, target))
