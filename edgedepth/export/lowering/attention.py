"""Attention with matrices straight from 1x1 convolutions, head by head: no transpose, nothing above rank 4."""

from __future__ import annotations

from typing import cast

import torch
from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from edgedepth.export.lowering.displacement import convolution
from edgedepth.export.lowering.graph import replace_calls
from edgedepth.models.flexdepth.blocks import Attention
from edgedepth.models.shared.conv import ConvBnAct

MOST_TOGETHER = 4
"""Heads that are stacked at once: XNNPACK leaves a concatenation of more than five parts outside its partition."""


def _fused(block: ConvBnAct) -> tuple[torch.Tensor, torch.Tensor]:
    conv = fuse_conv_bn_eval(block.conv, block.bn)
    return conv.weight.detach(), cast("torch.Tensor", conv.bias).detach()


class _Heads(nn.Module):
    """Some heads of an `Attention` and their share of its projection; (B, C, H, W) -> (B, C, H, W).

    Each head's queries, keys and values come from their own convolutions with the positions in the rows of every
    matrix, as an NHWC map has them. The scale is part of the query convolution.
    """

    def __init__(self, attention: Attention, first: int, last: int, *, with_bias: bool) -> None:
        super().__init__()
        weight, bias = _fused(attention.qkv)
        key, value = attention.KEY_DIM, attention.HEAD_DIM
        rows = torch.arange(weight.shape[0]).view(attention.heads, 2 * key + value)[first:last]
        q, k, v = rows[:, :key], rows[:, key : 2 * key], rows[:, 2 * key :]
        scale = attention.scale
        self.q = nn.ModuleList(convolution(weight[r] * scale, bias[r] * scale) for r in q)
        self.k = nn.ModuleList(convolution(weight[r], bias[r]) for r in k)
        self.v = nn.ModuleList(convolution(weight[r], bias[r]) for r in v)
        weight, bias = _fused(attention.pe)
        self.pe = nn.ModuleList(
            convolution(w, b, groups=value, padding=1)
            for w, b in list(zip(torch.split(weight, value), torch.split(bias, value), strict=True))[first:last]
        )
        weight, bias = _fused(attention.proj)
        self.proj = convolution(weight[:, first * value : last * value], bias if with_bias else None)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Attend with each head and project."""
        B, _, H, W = x.shape

        def rows(maps: list[torch.Tensor]) -> torch.Tensor:
            return torch.cat([t.permute(0, 2, 3, 1).reshape(B, H * W, -1) for t in maps])

        images = [v(x) for v in self.v]
        queries, keys = rows([q(x) for q in self.q]), rows([k(x) for k in self.k])
        # Heads are stacked as a batch: of a single matrix the converter would make a FULLY_CONNECTED whose weights
        # are an activation, which XNNPACK refuses.
        attended = torch.softmax(queries @ keys.transpose(1, 2), -1) @ rows(images)
        mixed = [
            part.reshape(B, H, W, -1).permute(0, 3, 1, 2) + pe(image)
            for part, image, pe in zip(torch.split(attended, B), images, self.pe, strict=True)
        ]
        out: torch.Tensor = self.proj(torch.cat(mixed, 1))
        return out


class HeadwiseAttention(nn.Module):
    """`Attention` as a sum over groups of heads; (B, C, H, W) -> (B, C, H, W)."""

    def __init__(self, attention: Attention) -> None:
        super().__init__()
        count = -(-attention.heads // MOST_TOGETHER)
        edges = [attention.heads * i // count for i in range(count + 1)]
        self.groups = nn.ModuleList(_Heads(attention, edges[i], edges[i + 1], with_bias=i == 0) for i in range(count))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Attend and add the groups' shares."""
        total: torch.Tensor = self.groups[0](x)
        for group in self.groups[1:]:
            total = total + group(x)
        return total


def lower_attention(graph: fx.GraphModule) -> int:
    """Replace every `Attention`.

    Returns:
        How many were replaced.
    """
    return replace_calls(graph, Attention, HeadwiseAttention)
