"""Running a network with a metric-bins head for training: which ones, in what precision, in how much memory."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils.checkpoint import checkpoint

from edgedepth.errors import UsageError
from edgedepth.models import ModelCard
from edgedepth.models.surround.metric_bins import Bins
from edgedepth.training.precision import Precision
from edgedepth.training.settings import Objective

FAMILY = "surround"


def require_bins(base: ModelCard, purpose: str) -> None:
    """Refuse a model without a metric-bins head.

    Args:
        base: its card.
        purpose: what it cannot do, as in ``be trained by metric stages``.

    Raises:
        UsageError: it has none.
    """
    if base.family != FAMILY:
        raise UsageError(
            f"{base.name} cannot {purpose}.",
            f"It gives {base.output.meaning} without bins.",
            "Surround students can; `edgedepth models` lists them.",
        )


def require_fitting(card: ModelCard, kinds: set[Objective]) -> None:
    """Refuse stages that cannot train the model.

    Raises:
        UsageError: metric stages for a network without bins, or others for one with them.
    """
    if "metric" in kinds:
        require_bins(card, "be trained by metric stages")
    elif card.family == FAMILY:
        raise UsageError(
            f"{card.name} is trained by metric stages alone.",
            f"The recipe's are {', '.join(sorted(kinds))}.",
            'Set objective = "metric" in every stage.',
        )


def bins_of(network: Any, images: torch.Tensor, precision: Precision, *, recompute: bool = False) -> Bins:
    """A surround student's bins, float32; its head always computes in float32.

    Args:
        network: the student.
        images: (V, 3, H, W) in 0..1.
        precision: of the core.
        recompute: run the head view by view, and again in the backward pass, instead of keeping its maps, of which
            those at full resolution take most of the memory.
    """
    with precision.half():
        given = network.head_inputs(images.to(memory_format=torch.channels_last))
    features = [feature.float() for feature in given.features]
    bottleneck, last, relative = (part.float() for part in (given.bottleneck, given.last, given.relative))
    if not recompute:
        whole: Bins = network.metric_bins(bottleneck, features, last, relative)
        return whole
    # Nothing in the head mixes views, so one at a time needs no more memory than one view.
    by_view = [
        checkpoint(network.metric_bins, one, [f[i : i + 1] for f in features], *ends, use_reentrant=False)
        for i, (one, *ends) in enumerate(zip(*(part.split(1) for part in (bottleneck, last, relative)), strict=True))
    ]
    return Bins(*(torch.cat(parts) for parts in zip(*by_view, strict=True)))
