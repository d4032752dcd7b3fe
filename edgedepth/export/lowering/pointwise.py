"""Linear layers over the channels of a map as 1x1 convolutions: no transposes to channels last and back."""

from __future__ import annotations

from typing import cast

import torch
from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from edgedepth.export.lowering.displacement import convolution
from edgedepth.export.lowering.graph import replace_calls
from edgedepth.models.litemono.blocks import DilatedBlock, LayerNorm


def pointwise(
    linear: nn.Linear,
    *,
    scale: torch.Tensor | None = None,
    norm: LayerNorm | nn.LayerNorm | None = None,
) -> nn.Conv2d:
    """A linear layer as a 1x1 convolution.

    Args:
        linear: with a bias.
        scale: of its outputs, such as a layer scale.
        norm: the layer norm in front, whose scale and shift are taken in; what is left of it only normalizes.
    """
    weight = linear.weight.detach()
    bias = linear.bias.detach()
    if norm is not None:
        bias = bias + weight @ cast("torch.Tensor", norm.bias).detach()
        weight = weight * norm.weight.detach()
    if scale is not None:
        weight, bias = weight * scale.detach()[:, None], bias * scale.detach()
    return convolution(weight[:, :, None, None], bias)


class PointwiseBlock(nn.Module):
    """`DilatedBlock` on NCHW maps; its batch norm is folded, its layer scale is part of the second convolution."""

    def __init__(self, block: DilatedBlock) -> None:
        super().__init__()
        self.depthwise = fuse_conv_bn_eval(block.ddwconv.conv, block.bn1)
        self.widen = pointwise(block.pwconv1)
        self.act = nn.GELU()
        self.narrow = pointwise(block.pwconv2, scale=block.gamma)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Mix neighbours, then channels, and add to the input."""
        out: torch.Tensor = x + self.narrow(self.act(self.widen(self.depthwise(x))))
        return out


def lower_dilated_blocks(graph: fx.GraphModule) -> int:
    """Replace every `DilatedBlock`.

    Returns:
        How many were replaced.
    """
    return replace_calls(graph, DilatedBlock, PointwiseBlock)
