"""Networks whose first weights follow from a seed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import nn

_M = TypeVar("_M", bound=nn.Module)


def seeded(make: Callable[[], _M], seed: int) -> _M:
    """Make a network with PyTorch's own initial weights, drawn from `seed`; the global generator stays as it was.

    Not `edgedepth.models.initialise`, whose larger weights suit a depth network: there the first poses turn the
    camera by some 0.01 radians instead of 0.001, several pixels, and the first variances reach from 0.001 to 1
    instead of staying around the middle.

    Args:
        make: such as ``PoseNet``, or ``lambda: MuPredictor(16)``.
        seed: 0 or more.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()
