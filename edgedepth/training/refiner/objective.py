"""What a refiner's stages minimise: the coarse model's depth, depth of patches under noise, refined depth of patches.

Depth is compared at the prediction's own scale, which is found for each whole picture as an evaluation finds it, by the
ratio of medians: coarse depth is up to scale, and refining leaves that as it is. Of a refined patch only that is asked
which the refiner can give.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from edgedepth.models.patchrefiner.nano import At
from edgedepth.training.augment import Batch
from edgedepth.training.losses import absolute_log, depth_loss, depth_of, gradient_matching
from edgedepth.training.objectives import Setting, Terms
from edgedepth.training.precision import Precision
from edgedepth.training.refiner.attainable import attainable
from edgedepth.training.refiner.close_up_batch import CloseUpBatch
from edgedepth.training.refiner.losses import local_gradient_matching, ranking, scale_and_shift_invariant, silog
from edgedepth.training.refiner.noisy import coarsened, noisy_inputs
from edgedepth.training.refiner.places import draw_edge_pairs, draw_windows

_FOLLOWED = 0.7
"""Share of a coarse prediction's own scale that its target takes over. All of it would let the unit drift, from picture
to picture, to where disparity is next to 0 and 8 bits cannot tell depths apart; none would ask for metres."""


@dataclass(frozen=True)
class Seen:
    """What a coarse model makes of pictures.

    Attributes:
        disparities: finest first.
        depth: (B, 1, H, W).
        features: at strides 32 to 1, coarsest first.
    """

    disparities: list[torch.Tensor]
    depth: torch.Tensor
    features: list[torch.Tensor]


@dataclass(frozen=True)
class Refined:
    """Log depth of all patches of a batch, (B N, 1, h, w) each.

    Attributes:
        before, after: coarse, and refined.
        truth: at the coarse model's scale.
        asked: what of it the refiner is to give.
        weight: at least 0.
        seen: what the coarse model makes of the whole pictures.
    """

    before: torch.Tensor
    after: torch.Tensor
    truth: torch.Tensor
    asked: torch.Tensor
    weight: torch.Tensor
    seen: Seen


def coarse(setting: Setting, batch: Batch) -> Terms:
    """Depth of whole pictures, on all disparities of the coarse model."""
    seen = see(setting.networks.depth, setting, batch.images)
    return Terms({"coarse": _coarse_loss(setting, seen, batch)})


def noisy(setting: Setting, batch: CloseUpBatch, rng: np.random.Generator) -> Terms:
    """Noisy pretraining: detail of exact depth that was made coarse, with features that say nothing."""
    generator = torch.Generator().manual_seed(int(rng.integers(2**32)))
    refiner, patches = setting.networks.depth.refiner, batch.patches.flatten(0, 1)
    _, guides = noisy_inputs(refiner, patches, generator)
    truth = batch.targets.log().flatten(0, 1)
    relative = coarsened(truth, generator)
    asked = attainable(relative, truth - truth.mean((1, 2, 3), keepdim=True))
    predicted = relative + _corrections(refiner, setting.precision, patches, relative, guides)
    return Terms(_parts(setting, predicted, asked, batch.weights.flatten(0, 1), generator))


def refined(setting: Setting, batch: CloseUpBatch, rng: np.random.Generator, *, scaled: bool = True) -> Terms:
    """Refined depth of patches, and where the coarse model is trained the depth of their whole pictures.

    Noted beside the loss: the mean absolute log error of the patches before and after.

    Args:
        setting, batch: of the step.
        rng: of its losses.
        scaled: whether the scale-invariant log loss is a part.
    """
    generator = torch.Generator().manual_seed(int(rng.integers(2**32)))
    found = predict(setting.networks.depth, setting, batch)
    parts = _parts(setting, found.after, found.asked, found.weight, generator, scaled=scaled)
    if found.seen.depth.requires_grad:
        parts["coarse"] = _coarse_loss(setting, found.seen, batch.wholes)
    errors = [absolute_log(one.detach() - found.truth, found.weight).mean() for one in (found.before, found.after)]
    return Terms(parts, {"coarse error": float(errors[0]), "refined error": float(errors[1])})


def see(model: Any, setting: Setting, images: torch.Tensor) -> Seen:
    """The coarse model on whole pictures; its heads compute in float32."""
    network = model.coarse_branch.network
    with setting.precision.half():
        taps = network.features(images.to(memory_format=torch.channels_last))
        decoded = network.decode(taps)
    decoded = [feature.float() for feature in decoded]
    disparities = network.heads(decoded)
    # The last place is for the finest feature at full resolution, which guides nothing.
    features = [taps[-1].float(), *decoded, decoded[-1]]
    return Seen(disparities, depth_of(disparities[0], *setting.depth_range), features)


def predict(model: Any, setting: Setting, batch: CloseUpBatch) -> Refined:
    """Coarse and refined depth of all patches."""
    size = batch.patches.shape[-2], batch.patches.shape[-1]
    seen = see(model, setting, batch.wholes.images)
    there = [
        At(model, boxes, seen.depth[i : i + 1], [feature[i : i + 1] for feature in seen.features], size)
        for i, boxes in enumerate(batch.boxes)
    ]
    before = torch.cat([one.logarithm for one in there])
    relative = torch.cat([one.relative for one in there])
    guides = [torch.cat(maps) for maps in zip(*(one.guides for one in there), strict=True)]
    truth = (batch.targets.log() + _offsets(seen.depth, batch.wholes)[:, None]).flatten(0, 1)
    corrections = _corrections(model.refiner, setting.precision, batch.patches.flatten(0, 1), relative, guides)
    weight = batch.weights.flatten(0, 1)
    return Refined(before, before + corrections, truth, attainable(before, truth), weight, seen)


def _offsets(depth: torch.Tensor, batch: Batch) -> torch.Tensor:
    """What to add to a picture's log depth for its scale to be the prediction's, (B, 1, 1, 1)."""
    known = (batch.weights > 0) & (batch.depths < batch.depths.amax((1, 2, 3), keepdim=True))
    with torch.no_grad():
        found = [
            torch.median(one[where]).log() - torch.median(truth[where]).log()
            for one, truth, where in zip(depth, batch.depths, known, strict=True)
        ]
    return torch.stack(found).view(-1, 1, 1, 1)


def _coarse_loss(setting: Setting, seen: Seen, batch: Batch) -> torch.Tensor:
    scaled = batch.depths * (_FOLLOWED * _offsets(seen.depth, batch)).exp()
    return depth_loss(seen.disparities, scaled, batch.weights, setting.recipe.loss, setting.depth_range)


def _corrections(
    refiner: Any, precision: Precision, patches: torch.Tensor, relative: torch.Tensor, guides: list[torch.Tensor]
) -> torch.Tensor:
    with precision.half():
        found: torch.Tensor = refiner(patches.to(memory_format=torch.channels_last), relative, guides)
    return found.float()


def _parts(
    setting: Setting,
    predicted: torch.Tensor,
    asked: torch.Tensor,
    weight: torch.Tensor,
    generator: torch.Generator,
    *,
    scaled: bool = True,
) -> dict[str, torch.Tensor]:
    """Each loss of patches that has a weight; `predicted` and `asked` are log depth."""
    settings = setting.recipe.refinement
    parts = {}
    if settings.silog and scaled:
        parts["silog"] = settings.silog * silog(predicted.exp(), asked.exp(), weight)
    if settings.absolute:
        parts["absolute"] = settings.absolute * absolute_log(predicted - asked, weight).mean()
    if settings.gradient:
        parts["gradient"] = settings.gradient * gradient_matching(predicted - asked, weight).mean()
    if settings.local:
        windows = draw_windows(predicted.shape, generator)
        parts["local"] = settings.local * local_gradient_matching(predicted, asked, weight, windows)
    if settings.detail:
        pairs = draw_edge_pairs(asked, generator, count=settings.pairs)
        matched = ranking(predicted, asked.exp(), pairs) + scale_and_shift_invariant(predicted, asked, weight)
        parts["detail"] = settings.detail * matched
    return parts
