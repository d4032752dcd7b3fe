"""Reflection pad and the one-channel 3x3 head behind it, in operators that XNNPACK and GPUs take and do fast.

MIRROR_PAD is outside XNNPACK; slices and concatenations are inside. A 3x3 convolution to one channel wastes a
matrix kernel's lanes; as a depthwise 3x3 and a sum over channels it is the same number at a third of the time.
"""

from __future__ import annotations

import torch
from torch import fx, nn
from torch.nn import functional as F

from edgedepth.export.lowering.displacement import convolution
from edgedepth.export.lowering.graph import calls, finish, insert_call, module_of, only_user
from edgedepth.export.lowering.target import Target


def reflect(x: torch.Tensor, target: Target) -> torch.Tensor:
    """One pixel of reflection on every side of (B, C, H, W)."""
    if target == "onnx":
        return F.pad(x, (1, 1, 1, 1), mode="reflect")
    for dim in (2, 3):
        size = x.shape[dim]
        x = torch.cat([x.narrow(dim, 1, 1), x, x.narrow(dim, size - 2, 1)], dim)
    return x


class ReflectHead(nn.Module):
    """Reflection pad and 3x3 convolution to one channel; (B, C, H, W) -> (B, 1, H, W)."""

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        channels = conv.in_channels
        self.depthwise = convolution(conv.weight.detach().transpose(0, 1), groups=channels)
        bias = None if conv.bias is None else conv.bias.detach()
        self.total = convolution(torch.ones(1, channels, 1, 1), bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Pad, weigh each channel's neighbourhood, and add the channels."""
        out: torch.Tensor = self.total(self.depthwise(reflect(x, "tflite")))
        return out


class ReflectPad(nn.Module):
    """Reflection pad by slices and concatenations; (B, C, H, W) -> (B, C, H + 2, W + 2)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Pad."""
        return reflect(x, "tflite")


def is_head(conv: nn.Conv2d | None) -> bool:
    """Whether this is a 3x3 convolution to one channel on an already padded map."""
    return (
        conv is not None
        and conv.out_channels == 1
        and conv.kernel_size == (3, 3)
        and conv.stride == (1, 1)
        and conv.padding == (0, 0)
        and conv.dilation == (1, 1)
        and conv.groups == 1
    )


def lower_reflection_pad(graph: fx.GraphModule) -> int:
    """Replace one-pixel reflection pads, with the one-channel head behind them where there is one.

    Returns:
        How many were replaced.
    """
    count = 0
    for node, pad in calls(graph, nn.ReflectionPad2d):
        if tuple(pad.padding) != (1, 1, 1, 1):
            continue
        user = only_user(node)
        conv = module_of(graph, user, nn.Conv2d)
        if user is not None and conv is not None and is_head(conv):
            new = insert_call(graph, user, "head", ReflectHead(conv), node.args)  # type: ignore[arg-type]
            user.replace_all_uses_with(new)
        else:
            new = insert_call(graph, node, "reflect", ReflectPad(), node.args)  # type: ignore[arg-type]
            node.replace_all_uses_with(new)
        count += 1
    finish(graph)
    return count
