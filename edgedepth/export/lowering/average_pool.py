"""Average pools as depthwise convolutions: what lies beyond the border counts as zero on every delegate.

litert-torch writes a padded average pool as PAD and AVERAGE_POOL_2D. LiteRT's GPU accelerator joins the two into one
pool that leaves the padding out of its divisor: of a 3x3 pool, edges come out 3/2 and corners 9/4 as large.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import fx, nn
from torch.nn import functional as F

from edgedepth.export.lowering.graph import replace_calls

Pair = tuple[int, int]


def _pair(value: int | tuple[int, ...]) -> Pair:
    return (value, value) if isinstance(value, int) else (value[0], value[1])


class ConvolvedAverage(nn.Module):
    """Average over windows, zeros beyond the border included; as `nn.AvgPool2d` with ``count_include_pad``."""

    def __init__(self, pool: nn.AvgPool2d) -> None:
        super().__init__()
        self.kernel, self.stride, self.padding = _pair(pool.kernel_size), _pair(pool.stride), _pair(pool.padding)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Convolve each channel with equal weights."""
        channels = x.shape[1]
        # From NumPy, so that it is recorded as a constant.
        weight = torch.from_numpy(np.full((channels, 1, *self.kernel), 1 / np.prod(self.kernel), np.float32))
        return F.conv2d(x, weight, None, self.stride, self.padding, 1, channels)


def _is_plain(pool: nn.AvgPool2d) -> bool:
    padded = any(_pair(pool.padding))
    return padded and pool.count_include_pad and not pool.ceil_mode and pool.divisor_override is None


def lower_average_pool(graph: fx.GraphModule) -> int:
    """Replace average pools that are padded with zeros which count; pools without padding are right as they are.

    Returns:
        How many were replaced.
    """
    return replace_calls(graph, nn.AvgPool2d, lambda pool: ConvolvedAverage(pool) if _is_plain(pool) else None)
