"""Nearest upsampling x2 as DEPTH_TO_SPACE of the map four times over: RESIZE_NEAREST_NEIGHBOR is outside XNNPACK."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional as F

from edgedepth.export.lowering.graph import finish, insert_call
from edgedepth.export.lowering.interleave import depth_to_space


class NearestUp(nn.Module):
    """Every pixel four times; (B, C, H, W) -> (B, C, 2H, 2W)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Upsample."""
        # Channels last from here on: what comes out of an activation is so already, and nothing has to be transposed.
        nhwc = x.permute(0, 2, 3, 1).contiguous()
        woven: torch.Tensor = depth_to_space(torch.cat([nhwc] * 4, 3))
        return woven.permute(0, 3, 1, 2)


def lower_nearest(graph: fx.GraphModule) -> int:
    """Replace every nearest upsampling by exactly 2.

    Returns:
        How many were replaced.
    """
    count = 0
    for node in list(graph.graph.nodes):
        if not _is_nearest(node):
            continue
        source = node.args[0]
        new = insert_call(graph, node, _layer(source), NearestUp(), (source,))
        node.replace_all_uses_with(new)
        count += 1
    finish(graph)
    return count


def _is_nearest(node: fx.Node) -> bool:
    if node.op != "call_function" or node.target is not F.interpolate or not isinstance(node.args[0], fx.Node):
        return False
    options: dict[str, Any] = dict(zip(("size", "scale_factor", "mode"), node.args[1:], strict=False)) | node.kwargs
    nearest = options.get("size") is None and options.get("mode", "nearest") == "nearest"
    return nearest and bool(options.get("scale_factor") in (2, (2, 2)))


def _layer(source: fx.Node) -> str:
    """The layer that an upsampling belongs to: the nearest one before it, since functions have no name of their own."""
    while source.op == "call_function" and isinstance(source.args[0], fx.Node):
        source = source.args[0]
    return str(source.target) if source.op == "call_module" else "nearest"
