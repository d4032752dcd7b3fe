"""Softplus in operators that XNNPACK and GPUs take; the converter writes a comparison and a SELECT around it."""

from __future__ import annotations

import torch
from torch import nn


class StableSoftplus(nn.Module):
    """``log(1 + exp(x))`` for x of any size; keeps the shape.

    It is ``max(x, 0) + log(1 + y)`` with ``y = exp(-|x|)``. There is no LOG1P, and of a small y the sum ``1 + y`` keeps
    the leading digits only; what it lost, ``y - ((1 + y) - 1)``, is known exactly and is added to the logarithm, whose
    slope is 1 there.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply."""
        small = torch.exp(-x.abs())
        total = 1 + small
        return torch.relu(x) + (torch.log(total) + (small - (total - 1)))
