"""Photometric error of a picture made from another view (Godard et al., Monodepth2, 2019; SSIM of Wang et al. 2004)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from edgedepth.training.losses import depth_of
from edgedepth.training.selfsupervised.geometry import warp
from edgedepth.training.selfsupervised.scales import at_least_single, upsampled

ALPHA = 0.85
"""Share of the structural term; the rest is the absolute difference."""
TIE_NOISE = 1e-5
"""Deviation of what is added to the identity errors, so that a still camera's ties fall either way."""
_C1, _C2 = 0.01**2, 0.03**2
_UNSEEN = 1e4
"""Above every photometric error, and finite, so that no gradient becomes NaN."""


@dataclass(frozen=True)
class View:
    """Another view of the target's scene.

    Attributes:
        image: (B, 3, H, W), RGB in 0..1.
        pose: ``T_source_target``, (B, 4, 4).
    """

    image: torch.Tensor
    pose: torch.Tensor


@dataclass(frozen=True)
class Reprojection:
    """What remains of the errors of all views.

    Attributes:
        error: (B, 1, H, W), the least of them; its mean over all pixels is the loss.
        kept: (B, 1, H, W) bool, where a warped view won: only there does depth get a gradient.
    """

    error: torch.Tensor
    kept: torch.Tensor


def ssim_distance(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """``(1 - SSIM) / 2`` over 3 x 3 means with a reflection pad, clamped to 0..1; (B, C, H, W), as the inputs."""
    a, b = (F.pad(x, (1, 1, 1, 1), mode="reflect") for x in (a, b))
    mean_a, mean_b = F.avg_pool2d(a, 3, 1), F.avg_pool2d(b, 3, 1)
    variance_a = F.avg_pool2d(a * a, 3, 1) - mean_a**2
    variance_b = F.avg_pool2d(b * b, 3, 1) - mean_b**2
    covariance = F.avg_pool2d(a * b, 3, 1) - mean_a * mean_b
    above = (2 * mean_a * mean_b + _C1) * (2 * covariance + _C2)
    below = (mean_a**2 + mean_b**2 + _C1) * (variance_a + variance_b + _C2)
    return ((1 - above / below) / 2).clamp(0, 1)


def photometric_error(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """``ALPHA * (1 - SSIM) / 2 + (1 - ALPHA) * |a - b|``, each averaged over the channels.

    Args:
        a: (B, 3, H, W) in 0..1, float32 or more precise: the variances cancel in half precision.
        b: the same.

    Returns:
        (B, 1, H, W).
    """
    difference = (a - b).abs().mean(1, keepdim=True)
    return ALPHA * ssim_distance(a, b).mean(1, keepdim=True) + (1 - ALPHA) * difference


def minimum_reprojection(
    warped: torch.Tensor, identity: torch.Tensor | None = None, inside: torch.Tensor | None = None
) -> Reprojection:
    """The least error at each pixel, so that a view in which it is hidden does no harm (Monodepth2, eqs. 4 and 5).

    Args:
        warped: (B, N, H, W), the errors of the N warped views.
        identity: (B, N, H, W), the errors of the views as they are, tie noise included. Where one of them is
            the least the pixel did not move, as in a still camera or on a car that keeps pace: it is masked by
            giving it this constant error. None is no such mask.
        inside: (B, N, H, W) bool, where a view saw the pixel. Elsewhere its error is left out; a pixel that no
            view saw has error 0. None counts the replicated border like any other pixel, as the release does.
    """
    if inside is not None:
        warped = warped.masked_fill(~inside, _UNSEEN)
    error = warped.amin(1, keepdim=True)
    kept = torch.ones_like(error, dtype=torch.bool)
    if inside is not None:
        kept = inside.any(1, keepdim=True)
        error = torch.where(kept, error, torch.zeros_like(error))
    if identity is not None:
        still = identity.amin(1, keepdim=True)
        kept = kept & (error < still)
        error = torch.minimum(error, still)
    return Reprojection(error, kept)


def reproject(
    target: torch.Tensor,
    views: Sequence[View],
    disparities: Sequence[torch.Tensor],
    K: torch.Tensor,
    depth_range: tuple[float, float],
    *,
    automask: bool = True,
    inside_only: bool = False,
    noise: torch.Generator,
) -> list[Reprojection]:
    """Every scale's reprojection, at the target's full resolution.

    Args:
        target: (B, 3, H, W), RGB in 0..1.
        views: the neighbours in time, the other eye, or both.
        disparities: sigmoid disparity at full, half, quarter and eighth resolution, (B, 1, H/2^s, W/2^s).
        K: (B, 3, 3), of the target and of every view.
        depth_range: (min, max) depth of the decoding.
        automask: leave out pixels that look no worse unwarped.
        inside_only: leave out pixels that are warped from outside of a view.
        noise: a CPU generator; breaks the ties of the automask, afresh at every scale.

    Returns:
        One for each disparity.
    """
    still = torch.cat([photometric_error(view.image, target) for view in views], 1) if automask else None
    out = []
    for disparity in disparities:
        depth = depth_of(upsampled(at_least_single(disparity), target.shape[2:]), *depth_range)
        pairs = [warp(view.image, depth, K, view.pose) for view in views]
        errors = torch.cat([photometric_error(picture, target) for picture, _ in pairs], 1)
        inside = torch.cat([seen for _, seen in pairs], 1) if inside_only else None
        identity = None
        if still is not None:
            identity = still + TIE_NOISE * torch.randn(still.shape, generator=noise).to(still)
        out.append(minimum_reprojection(errors, identity, inside))
    return out
