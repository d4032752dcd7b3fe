"""Padded max pools with the border repeated: a pad with minus infinity (PADV2) is outside XNNPACK."""

from __future__ import annotations

import torch
from torch import fx, nn

from edgedepth.export.lowering.graph import replace_calls


class RepeatedBorderPool(nn.Module):
    """3x3 max pool of stride 2 and padding 1; (B, C, H, W) -> (B, C, ceil(H/2), ceil(W/2)).

    The border's own pixels take the place of the padding: every window that reaches into it holds them already, so
    the maximum is the same.
    """

    def __init__(self) -> None:
        super().__init__()
        self.pool = nn.MaxPool2d(3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Pool."""
        out: torch.Tensor = self.pool(_bordered(_bordered(x, 2), 3))
        return out


def _bordered(x: torch.Tensor, dim: int) -> torch.Tensor:
    """The first element again in front, and the last behind where a window of stride 2 reaches beyond it."""
    size = x.shape[dim]
    last = [x.narrow(dim, size - 1, 1)] if size % 2 else []
    return torch.cat([x.narrow(dim, 0, 1), x, *last], dim)


def lower_max_pool(graph: fx.GraphModule) -> int:
    """Replace every 3x3 max pool of stride 2 and padding 1.

    Returns:
        How many were replaced.
    """

    def made(pool: nn.MaxPool2d) -> RepeatedBorderPool | None:
        options = (pool.kernel_size, pool.stride, pool.padding, pool.dilation, pool.ceil_mode)
        return RepeatedBorderPool() if options == (3, 2, 1, 1, False) else None

    return replace_calls(graph, nn.MaxPool2d, made)
