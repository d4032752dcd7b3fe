"""Photometric errors as draws from a normal distribution whose spread a network predicts (FlexDepth, second stage)."""

from __future__ import annotations

from typing import Literal

import torch

from edgedepth.training.selfsupervised.scales import upsampled

Form = Literal["paper", "released"]
Average = Literal["all", "static"]
LAMBDA = 0.5
"""The extra factor of the paper's eq. 13, read as the weight of the squared error."""
_LEAST = 1e-2
"""Least variance: at 1e-6 a single pixel that was too sure of itself drove a whole loss to 4e7."""
_LEAST_STATIC = 0.01
"""Share of static pixels below which the mean over them is no longer normalized."""


def distribution_loss(
    error: torch.Tensor,
    variance: torch.Tensor,
    mask: torch.Tensor,
    form: Form = "paper",
    average: Average = "all",
) -> torch.Tensor:
    """Masked negative log-likelihood, up to a constant: ``M * (ln(v + 1) + c * L^2 / (2 v^2))``.

    The best v grows with the error, which is how pixels that no depth can explain lose their say. The 1 keeps
    the logarithm positive: every pixel costs something, so under the mean over all pixels masking one always
    pays. A threshold with a gradient therefore sinks to its lower bound, whatever moves. Under the mean over
    static pixels only those that cost more than the average are worth masking.

    Args:
        error: L, (B, 1, H, W), the least photometric error of each pixel.
        variance: v, (B, 1, h, w) in 0..1, upsampled to the error's size.
        mask: M, (B, 1, h', w') in 0..1, upsampled to the error's size.
        form: ``paper`` has c = `LAMBDA`, as eq. 13; ``released`` has c = 1, as the authors' code.
        average: over ``all`` pixels, masked ones counting 0, as published; or over the ``static`` ones, with
            the mask as weight, which is this project's own choice for a threshold that learns.

    Returns:
        (B,) per picture.
    """
    size = error.shape[2:]
    spread, static = upsampled(variance, size).clamp_min(_LEAST), upsampled(mask, size)
    weight = LAMBDA if form == "paper" else 1.0
    likelihood = torch.log1p(spread) + weight * error**2 / (2 * spread**2)
    total = (static * likelihood).mean((1, 2, 3))
    return total if average == "all" else total / static.mean((1, 2, 3)).clamp_min(_LEAST_STATIC)
