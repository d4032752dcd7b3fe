"""Attention with matrices straight from 1x1 convolutions, head by head: no transpose, nothing above rank 4."""

from __future__ import annotations

from typing import cast

import torch
from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from edgedepth.export.lowering.displacement import convolution
from edgedepth.export.lowering.graph import calls, finish, insert_call
from edgedepth.models.flexdepth.blocks import Attention
from edgedepth.models.shared.conv import ConvBnAct


def _fused(block: ConvBnAct) -> nn.Conv2d:
    return fuse_conv_bn_eval(block.conv, block.bn)


class HeadwiseAttention(nn.Module):
    """`Attention` with each head's queries, keys and values from their own convolutions.

    Positions stay in the rows of every matrix, as an NHWC map has them, so that no head needs a transpose. The
    scale is part of the query convolution. Shapes: (B, C, H, W) -> (B, C, H, W).
    """

    def __init__(self, attention: Attention) -> None:
        super().__init__()
        qkv = _fused(attention.qkv)
        weight = qkv.weight.detach()
        bias = cast("torch.Tensor", qkv.bias).detach()
        key, value = attention.KEY_DIM, attention.HEAD_DIM
        rows = torch.arange(weight.shape[0]).view(attention.heads, 2 * key + value)
        q, k, v = rows[:, :key], rows[:, key : 2 * key], rows[:, 2 * key :]
        scale = attention.scale
        self.q = nn.ModuleList(convolution(weight[r] * scale, bias[r] * scale) for r in q)
        self.k = nn.ModuleList(convolution(weight[r], bias[r]) for r in k)
        self.v = nn.ModuleList(convolution(weight[r], bias[r]) for r in v)
        self.proj = _fused(attention.proj)
        position = _fused(attention.pe)
        self.pe = nn.ModuleList(
            convolution(w, b, groups=value, padding=1)
            for w, b in zip(
                position.weight.detach().split(value),
                cast("torch.Tensor", position.bias).detach().split(value),
                strict=True,
            )
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Attend head by head and project."""
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
            for part, image, pe in zip(attended.split(B), images, self.pe, strict=True)
        ]
        out: torch.Tensor = self.proj(torch.cat(mixed, 1))
        return out


def lower_attention(graph: fx.GraphModule) -> int:
    """Replace every `Attention`.

    Returns:
        How many were replaced.
    """
    count = 0
    for node, attention in calls(graph, Attention):
        new = insert_call(graph, node, "attention", HeadwiseAttention(attention), node.args)  # type: ignore[arg-type]
        node.replace_all_uses_with(new)
        count += 1
    finish(graph)
    return count
