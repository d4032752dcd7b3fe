"""Supervised depth losses in the logarithm of depth, each averaged per picture first."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from edgedepth.training.recipe import LossWeights

_GRADIENT_SCALES = 4
_TINY = 1e-6


def depth_of(disparity: torch.Tensor, min_depth: float, max_depth: float) -> torch.Tensor:
    """Depth of sigmoid disparity: ``1 / (1/max + (1/min - 1/max) * d)``; any shape."""
    return 1.0 / (1.0 / max_depth + (1.0 / min_depth - 1.0 / max_depth) * disparity)


def _mean(values: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Weighted mean per picture; (B, 1, H, W) -> (B,). A picture without weight gives 0."""
    total = weight.sum((1, 2, 3)).clamp_min(_TINY)
    return (values * weight).sum((1, 2, 3)) / total


def scale_invariant_log(error: torch.Tensor, weight: torch.Tensor, focus: float) -> torch.Tensor:
    """SILog: ``sqrt(mean(e^2) - focus * mean(e)^2)`` (Eigen et al. 2014, eq. 4; root as in BTS, 2019).

    Args:
        error: (B, 1, H, W), ln of predicted over target depth.
        weight: (B, 1, H, W), at least 0.
        focus: lambda, 0..1; at 1 a wrong scale of the whole picture costs nothing.

    Returns:
        (B,) per picture.
    """
    variance = _mean(error**2, weight) - focus * _mean(error, weight) ** 2
    return (variance.clamp_min(0) + _TINY).sqrt()


def absolute_log(error: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Mean absolute log error; (B,) per picture."""
    return _mean(error.abs(), weight)


def gradient_matching(error: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Mean absolute difference of neighbouring log errors at four spacings (MegaDepth, 2018, eq. 5).

    Args:
        error: (B, 1, H, W), ln of predicted over target depth.
        weight: (B, 1, H, W), at least 0; a difference counts with the smaller weight of its two pixels.

    Returns:
        (B,) per picture, summed over spacings 1, 2, 4 and 8 and both axes.
    """
    total = error.new_zeros(error.shape[0])
    for scale in range(_GRADIENT_SCALES):
        e, w = error[..., :: 2**scale, :: 2**scale], weight[..., :: 2**scale, :: 2**scale]
        total = total + _mean((e[..., 1:] - e[..., :-1]).abs(), torch.minimum(w[..., 1:], w[..., :-1]))
        total = total + _mean((e[..., 1:, :] - e[..., :-1, :]).abs(), torch.minimum(w[..., 1:, :], w[..., :-1, :]))
    return total


def depth_loss(
    disparities: list[torch.Tensor],
    target: torch.Tensor,
    weight: torch.Tensor,
    settings: LossWeights,
    depth_range: tuple[float, float],
) -> torch.Tensor:
    """The whole loss of a batch.

    Args:
        disparities: sigmoid disparity at full, half, quarter and eighth resolution, (B, 1, H/2^s, W/2^s);
            every one is compared at full resolution.
        target: (B, 1, H, W), positive depth in the network's units.
        weight: (B, 1, H, W), at least 0.
        settings: the recipe's weights.
        depth_range: (min, max) depth of the decoding.

    Returns:
        A scalar.
    """
    log_target = target.log()
    total = target.new_zeros(())
    for index, (share, disparity) in enumerate(zip(settings.scales, disparities, strict=False)):
        full = disparity
        if index:
            full = F.interpolate(disparity, size=target.shape[2:], mode="bilinear", align_corners=False)
        error = depth_of(full, *depth_range).log() - log_target
        loss = scale_invariant_log(error, weight, settings.variance_focus)
        loss = loss + settings.absolute * absolute_log(error, weight)
        if index == 0 and settings.gradient:
            loss = loss + settings.gradient * gradient_matching(error, weight)
        total = total + share * loss.mean()
    return total
