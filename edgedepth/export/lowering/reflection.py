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


class ReflectHead(nn.Module):
    """Reflection pad and 3x3 convolution to one channel; (B, C, H, W) -> (B, 1, H, W), H and W at least 2.

    The map is not copied for its border. It is convolved with a zero pad, and what the reflected border adds is
    computed from the second rows and columns alone and added to the one-channel result.

    Args:
        weight: (1, C, 3, 3).
        bias: (1,) or None.
    """

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None) -> None:
        super().__init__()
        channels = weight.shape[1]
        self.depthwise = convolution(weight.transpose(0, 1), groups=channels, padding=1)
        self.total = convolution(torch.ones(1, channels, 1, 1), bias)
        # Rows see their own reflected corners; columns then must not count them again.
        self.rows = nn.ModuleList(convolution(weight[:, :, i : i + 1]) for i in (0, 2))
        self.columns = nn.ModuleList(convolution(weight[:, :, :, i : i + 1], padding=(1, 0)) for i in (0, 2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Weigh each channel's neighbourhood, add the channels, and add the border's share."""
        H, W = x.shape[2:]
        rows = [conv(_widened(x.narrow(2, k, 1), 3)) for conv, k in zip(self.rows, (1, H - 2), strict=True)]
        columns = [conv(x.narrow(3, k, 1)) for conv, k in zip(self.columns, (1, W - 2), strict=True)]
        out: torch.Tensor = self.total(self.depthwise(x))
        return out + _framed(rows, 2, H) + _framed(columns, 3, W)


def _widened(x: torch.Tensor, dim: int) -> torch.Tensor:
    """One element of reflection at both ends of `dim`."""
    size = x.shape[dim]
    return torch.cat([x.narrow(dim, 1, 1), x, x.narrow(dim, size - 2, 1)], dim)


def _framed(ends: list[torch.Tensor], dim: int, size: int) -> torch.Tensor:
    """The first and last slice along `dim` of a map that is zero between them."""
    first, last = ends
    # Pads, not a concatenation with zeros: those would be stored in the file.
    after = (0, size - 1) if dim == 3 else (0, 0, 0, size - 1)
    before = (size - 1, 0) if dim == 3 else (0, 0, size - 1, 0)
    return F.pad(first, after) + F.pad(last, before)


class ReflectPad(nn.Module):
    """Reflection pad by slices and concatenations; (B, C, H, W) -> (B, C, H + 2, W + 2)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Pad."""
        return _widened(_widened(x, 2), 3)


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


def _head(conv: nn.Conv2d) -> ReflectHead:
    return ReflectHead(conv.weight.detach(), None if conv.bias is None else conv.bias.detach())


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
            new = insert_call(graph, user, str(user.target), _head(conv), node.args)  # type: ignore[arg-type]
            user.replace_all_uses_with(new)
        else:
            new = insert_call(graph, node, str(node.target), ReflectPad(), node.args)  # type: ignore[arg-type]
            node.replace_all_uses_with(new)
        count += 1
    finish(graph)
    return count
