"""What a refiner minimises: scale from ground truth, detail from a teacher's pseudo labels.

SILog as PatchRefiner and ZoeDepth have it; detail-and-scale disentangling of PatchRefiner (Li et al. 2024), with the
ranking loss of Xian et al. (2020) and MiDaS' scale-and-shift-invariant loss (Ranftl et al. 2020); local
scale-and-shift-invariant gradient matching of PatchRefiner V2 (Li et al. 2025). Maps are (B, 1, H, W).
"""

from __future__ import annotations

import torch
from torch.nn import functional as F

from edgedepth.training.refiner.places import Pairs, Windows, windows_of
from edgedepth.training.surround.losses import log_depth_loss

FOCUS = 0.85
FACTOR = 10.0
"""Of SILog: ``10 sqrt(var + 0.15 mean^2)`` is ``10 sqrt(mean of squares - 0.85 mean^2)``."""
TOLERANCE = 0.03
"""Depths whose ratio is nearer to 1 than this count as equal."""
SINGULAR = 1000.0
"""Rounding steps of its mean that a map must deviate by (root mean square) for a scale to be fitted to it."""


def silog(predicted: torch.Tensor, target: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """``10 sqrt(var(g) + 0.15 mean(g)^2)`` of g = ln(predicted / target), over the whole batch.

    Args:
        predicted, target: depth; the latter positive wherever `weight` is.
        weight: at least 0.

    Returns:
        A scalar.
    """
    return log_depth_loss(predicted, target, weight, focus=FOCUS, factor=FACTOR)


def ranking(predicted: torch.Tensor, pseudo: torch.Tensor, pairs: Pairs) -> torch.Tensor:
    """Which of two points is farther, as the pseudo label has it (Xian et al. 2020, eq. 1 and 2).

    With p and q predicted at both points: ``ln(1 + exp(q - p))`` where the first is farther by more than `TOLERANCE`,
    ``ln(1 + exp(p - q))`` where the second is, ``(p - q)^2`` where they are equally far.

    Args:
        predicted: log depth or depth; differences of it are judged.
        pseudo: positive depth of the teacher, in any unit.
        pairs: points of every picture.

    Returns:
        The mean over all pairs.
    """
    first, second = pairs.values(predicted)
    a, b = pairs.values(pseudo)
    ratio = a / b
    order = (ratio >= 1 + TOLERANCE).to(ratio) - (ratio <= 1 / (1 + TOLERANCE)).to(ratio)
    difference = first - second
    ordered = F.softplus(-order * difference)
    return torch.where(order == 0, difference**2, ordered).mean()


def scale_and_shift_invariant(predicted: torch.Tensor, pseudo: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Mean of ``|s d + t - d'|``, s and t fitted to each picture by least squares.

    Args:
        predicted, pseudo: of any unit and origin.
        weight: at least 0.

    Returns:
        A scalar: the mean over pictures. A picture whose prediction does not vary, or with no weight, counts 0.
    """
    d, target, w = (x.flatten(1) for x in (predicted, pseudo, weight))
    residual, sound = _aligned(d, target, w)
    per_picture = (residual.abs() * w).sum(1) / w.sum(1).clamp_min(torch.finfo(w.dtype).tiny)
    return torch.where(sound, per_picture, 0.0).mean()


def local_gradient_matching(
    predicted: torch.Tensor, pseudo: torch.Tensor, weight: torch.Tensor, windows: Windows
) -> torch.Tensor:
    """Local scale-and-shift-invariant gradient matching (PatchRefiner V2: 100 windows of 23 pixels).

    In each window s and t are fitted by least squares, in closed form; the loss is the mean of ``|dx r| + |dy r|`` of
    ``r = s d + t - d'``. A window in which the prediction does not vary, or with fewer than three pixels of any weight,
    has no such fit and is left out: nothing can be said there about detail whose scale is free.

    Args:
        predicted, pseudo: of any unit and origin.
        weight: at least 0; a difference counts with the smaller weight of its two pixels.
        windows: of every picture.

    Returns:
        A scalar: the mean over the windows that have a fit, 0 where there is none.
    """
    d, target, w = (windows_of(x, windows) for x in (predicted, pseudo, weight))
    residual, sound = _aligned(d.flatten(2), target.flatten(2), w.flatten(2))
    r = residual.view_as(d)
    across = _mean((r[..., 1:] - r[..., :-1]).abs(), torch.minimum(w[..., 1:], w[..., :-1]))
    down = _mean((r[..., 1:, :] - r[..., :-1, :]).abs(), torch.minimum(w[..., 1:, :], w[..., :-1, :]))
    counted = sound.sum().clamp_min(1)
    return torch.where(sound, across + down, 0.0).sum() / counted


def detail_and_scale(
    predicted: torch.Tensor,
    target: torch.Tensor,
    weight: torch.Tensor,
    pseudo: torch.Tensor,
    pairs: Pairs,
    *,
    detail: float,
) -> torch.Tensor:
    """Scale from ground truth, detail from pseudo labels: ``silog + detail * (ranking + scale-and-shift-invariant)``.

    Args:
        predicted, target, weight: as for `silog`.
        pseudo: positive depth of the teacher, everywhere, in any unit.
        pairs: for `ranking`.
        detail: 0.5 in the published configurations.

    Returns:
        A scalar.
    """
    everywhere = torch.ones_like(pseudo)
    matched = ranking(predicted, pseudo, pairs) + scale_and_shift_invariant(predicted, pseudo, everywhere)
    return silog(predicted, target, weight) + detail * matched


def _aligned(d: torch.Tensor, target: torch.Tensor, weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """``s d + t - target`` along the last axis, and where s and t are determined.

    Both are written about the weighted means, so that no determinant of large sums cancels.
    """
    total = weight.sum(-1, keepdim=True)
    share = weight / total.clamp_min(torch.finfo(weight.dtype).tiny)
    mean = (share * d).sum(-1, keepdim=True)
    centred, aim = d - mean, target - (share * target).sum(-1, keepdim=True)
    variance = (share * centred**2).sum(-1, keepdim=True)
    noise = SINGULAR * torch.finfo(d.dtype).eps * mean
    sound = (variance > noise**2) & ((weight > 0).sum(-1, keepdim=True) >= 3)
    covariance = (share * centred * aim).sum(-1, keepdim=True)
    scale = covariance / torch.where(sound, variance, 1.0)
    return scale * centred - aim, sound.squeeze(-1)


def _mean(values: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Weighted mean over the last two axes; 0 without weight."""
    return (values * weight).sum((-2, -1)) / weight.sum((-2, -1)).clamp_min(torch.finfo(weight.dtype).tiny)
