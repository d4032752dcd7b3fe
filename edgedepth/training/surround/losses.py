"""What a surround student minimises (the students' paper, eq. 1 to 8), as far as it is arithmetic on tensors."""

from __future__ import annotations

from typing import Literal

import torch
from torch.nn import functional as F

from edgedepth.artifact.rig import ring_pairs
from edgedepth.training.losses import scale_invariant_log

_NEAREST = 1e-3  # metres; a network may give less, of which there is no useful logarithm
_TINY = 1e-12  # under a root, whose slope at 0 is infinite


def log_depth_loss(
    predicted: torch.Tensor, target: torch.Tensor, weight: torch.Tensor, *, focus: float, factor: float
) -> torch.Tensor:
    """``factor * sqrt(mean(e^2) - focus * mean(e)^2)`` with e = ln(predicted / target), over all views together.

    With focus 0.85 and factor 10 this is ZoeDepth's ``10 sqrt(var(e) + 0.15 mean(e)^2)``, which metric training of
    Depth Anything follows. Means are taken over the whole batch, as there: views without targets do not count.

    Args:
        predicted: (V, 1, H, W) metres.
        target: the same, positive wherever `weight` is.
        weight: (V, 1, H, W), at least 0.
        focus: lambda, 0..1; at 1 a wrong scale of everything costs nothing.
        factor: on the whole.

    Returns:
        A scalar; where nothing has weight, the same small constant whatever was predicted.
    """
    known = weight > 0
    error = predicted.clamp_min(_NEAREST).log() - torch.where(known, target, 1.0).log()
    return factor * scale_invariant_log(error.reshape(1, 1, 1, -1), weight.reshape(1, 1, 1, -1), focus)[0]


def view_distances(
    probabilities: torch.Tensor, seen: torch.Tensor, distance: Literal["view", "pixel"], pool: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Distances ``||P_i - P_j||_2`` of every two neighbours in the ring: (1, 2), (2, 3) ... (N, 1).

    Pixels are compared where they lie in their pictures, and count where both cameras see the world.

    Args:
        probabilities: (B, N, K, H, W), views in ring order.
        seen: (B, N, 1, H, W) bool, False on the vehicle itself.
        distance: the norm over all pixels and bins of a ``view``, or at each ``pixel`` over its bins.
        pool: probabilities are averaged over squares of so many pixels a side first; a square counts if all of it
            is seen.

    Returns:
        (B, pairs, Q) distances and the same shape of weights, 0 or 1; Q is 1 for ``view``, else the squares.
    """
    if pool > 1:
        probabilities = by_moment(F.avg_pool2d(probabilities.flatten(0, 1), pool), probabilities)
        seen = by_moment(F.max_pool2d((~seen).float().flatten(0, 1), pool) == 0, seen)
    found, weights = [], []
    for i, j in ring_pairs(probabilities.shape[1]):
        both = (seen[:, i] & seen[:, j]).flatten(1)
        squares = ((probabilities[:, i] - probabilities[:, j]) ** 2).sum(1).flatten(1)
        if distance == "view":
            squares = (squares * both).sum(1, keepdim=True)
            both = both.any(1, keepdim=True)
        found.append((squares + _TINY).sqrt())
        weights.append(both.to(squares.dtype))
    return torch.stack(found, 1), torch.stack(weights, 1)


def by_moment(views: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """(V, ...) as (B, N, ...), where `like` begins with B and N and V is their product."""
    return views.view(*like.shape[:2], *views.shape[1:])


def relation_loss(
    student: torch.Tensor,
    teacher: torch.Tensor,
    weight: torch.Tensor,
    *,
    mean: Literal["batch", "moment"],
    huber: float,
) -> torch.Tensor:
    """Huber loss between both networks' distances, each in units of its own mean (Park et al., "RKD", 2019, eq. 4).

    Args:
        student, teacher: (B, pairs, Q) distances.
        weight: the same shape, 0 or 1.
        mean: over the whole ``batch``, or over each ``moment``.
        huber: where it goes from square to linear.

    Returns:
        A scalar: the mean over Q, the sum over pairs, the mean over moments.
    """
    errors = F.huber_loss(_in_means(student, weight, mean), _in_means(teacher, weight, mean), "none", huber)
    by_pair = (errors * weight).sum(2) / weight.sum(2).clamp_min(1)
    return by_pair.sum(1).mean()


def _in_means(distances: torch.Tensor, weight: torch.Tensor, mean: Literal["batch", "moment"]) -> torch.Tensor:
    over = (0, 1, 2) if mean == "batch" else (1, 2)
    unit = (distances * weight).sum(over, keepdim=True) / weight.sum(over, keepdim=True).clamp_min(1)
    # Where no two views share a pixel there is no distance and no unit.
    return distances / torch.where(unit > 0, unit, 1.0)
