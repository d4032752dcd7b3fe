"""What a step minimises: supervised depth, the photometric error, or its masked likelihood."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch

from edgedepth.training.augment import Batch
from edgedepth.training.clip_batch import ClipBatch
from edgedepth.training.losses import depth_loss
from edgedepth.training.network_set import EARLY, LATE, NetworkSet
from edgedepth.training.precision import Precision
from edgedepth.training.recipe import Recipe, Stage
from edgedepth.training.selfsupervised.geometry import stereo_pose
from edgedepth.training.selfsupervised.masks import decoupled_mask
from edgedepth.training.selfsupervised.photometric import Reprojection, View, reproject
from edgedepth.training.selfsupervised.probabilistic import distribution_loss
from edgedepth.training.selfsupervised.smoothness import weighted_smoothness


@dataclass(frozen=True)
class Terms:
    """One step's loss in parts.

    Attributes:
        parts: scalars by name, weighted already; the loss is their sum.
        notes: figures worth a look that are not part of the loss.
    """

    parts: dict[str, torch.Tensor]
    notes: dict[str, float] = field(default_factory=dict)

    @property
    def total(self) -> torch.Tensor:
        """The loss."""
        first, *others = self.parts.values()
        for part in others:
            first = first + part
        return first


@dataclass(frozen=True)
class Setting:
    """What every objective needs.

    Attributes:
        recipe: weights and choices.
        networks: of the run.
        precision: of the forward passes.
        depth_range: (min, max) of the depth network's decoding.
    """

    recipe: Recipe
    networks: NetworkSet
    precision: Precision
    depth_range: tuple[float, float]

    def disparities(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Of the depth network in training, float32, finest first."""
        return disparities_of(self.networks.depth, images, self.precision)


def disparities_of(network: Any, images: torch.Tensor, precision: Precision) -> list[torch.Tensor]:
    """Of any depth network, float32, finest first; its heads always compute in float32."""
    images = images.to(memory_format=torch.channels_last)
    with precision.half():
        features = network.decode(network.features(images))
    found: list[torch.Tensor] = network.heads([feature.float() for feature in features])
    return found


def supervised(setting: Setting, batch: Batch) -> Terms:
    """The depth loss on a batch of frames with targets."""
    disparities = setting.disparities(batch.images)
    loss = depth_loss(disparities, batch.depths, batch.weights, setting.recipe.loss, setting.depth_range)
    return Terms({"depth": loss})


def photometric(setting: Setting, stage: Stage, batch: ClipBatch, noise: torch.Generator) -> Terms:
    """First stage: the least reprojection error over the views, auto-masked, and edge-aware smoothness."""
    disparities = setting.disparities(batch.seen["target"])
    errors = reprojections(setting, batch, disparities, noise)
    error = torch.stack([scale.error.mean() for scale in errors]).mean()
    parts = {
        "photometric": error,
        "smoothness": weighted_smoothness(disparities, batch.frames["target"]).mean(),
    }
    return Terms(parts | _supervision(setting, stage, batch, disparities), {"kept": kept_share(errors)})


def masked(setting: Setting, stage: Stage, batch: ClipBatch, noise: torch.Generator) -> Terms:
    """Second stage: the masked likelihood of the reprojection error, and geometric depth smoothing."""
    settings, networks = setting.recipe.masked, setting.networks
    disparities = setting.disparities(batch.seen["target"])
    masks, mu = static_masks(setting, batch.seen["target"])
    errors = reprojections(setting, batch, disparities, noise)
    with setting.precision.half():
        variances = networks.variance(neighbourhood(batch))
    likelihoods = [
        distribution_loss(scale.error, variance.float(), mask, settings.likelihood, settings.average)
        for scale, variance, mask in zip(errors, variances, masks, strict=True)
    ]
    parts = {
        "likelihood": torch.stack(likelihoods).mean(),
        "smoothness": weighted_smoothness(disparities, batch.frames["target"], masks).mean(),
    }
    notes = {
        "kept": kept_share(errors),
        "static": float(masks[0].detach().mean()),
        "threshold": float(mu.detach().mean()),
        "variance": float(variances[0].detach().float().mean()),
    }
    return Terms(parts | _supervision(setting, stage, batch, disparities), notes)


def _supervision(
    setting: Setting, stage: Stage, batch: ClipBatch, disparities: list[torch.Tensor]
) -> dict[str, torch.Tensor]:
    if not stage.supervised or batch.depths is None or batch.weights is None:
        return {}
    depths = torch.where(batch.weights > 0, batch.depths, torch.ones_like(batch.depths))
    loss = depth_loss(disparities, depths, batch.weights, setting.recipe.loss, setting.depth_range)
    return {"depth": stage.supervised * loss}


def reprojections(
    setting: Setting,
    batch: ClipBatch,
    disparities: list[torch.Tensor],
    noise: torch.Generator,
) -> list[Reprojection]:
    """Every scale's reprojection of the whole batch; clips with the same kinds of views go together."""
    kinds = torch.stack([batch.timed, batch.paired], 1)
    groups = [torch.nonzero((kinds == kind).all(1)).flatten() for kind in torch.unique(kinds, dim=0)]
    found = []
    for group in groups:
        first = int(group[0])
        views = _views(setting, batch, group, timed=bool(batch.timed[first]), paired=bool(batch.paired[first]))
        found.append(
            reproject(
                batch.frames["target"][group],
                views,
                [disparity[group] for disparity in disparities],
                batch.K[group],
                setting.depth_range,
                automask=setting.recipe.photometric.automask,
                inside_only=setting.recipe.photometric.inside_only,
                noise=noise,
            )
        )
    if len(found) == 1:
        return found[0]
    back = torch.argsort(torch.cat(groups))
    return [
        Reprojection(torch.cat([s.error for s in scale])[back], torch.cat([s.kept for s in scale])[back])
        for scale in zip(*found, strict=True)
    ]


def _views(setting: Setting, batch: ClipBatch, group: torch.Tensor, *, timed: bool, paired: bool) -> list[View]:
    views = []
    if timed:
        pose = setting.networks.pose
        for role in ("previous", "following"):
            pair = batch.seen["target"][group], batch.seen[role][group]
            with setting.precision.half():
                motion = pose.to_source(*pair, source_is_earlier=role == "previous")
            views.append(View(batch.frames[role][group], motion.float()))
    if paired:
        views.append(View(batch.frames["eye"][group], stereo_pose(batch.baseline[group])))
    return views


def static_masks(setting: Setting, images: torch.Tensor) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Each scale's mask M, (B, 1, H/2^s, W/2^s), and the threshold, (B, 1, 1, 1)."""
    threshold = setting.networks.threshold
    early_feature, early = frozen_disparities(setting, EARLY, images)
    late_feature, late = frozen_disparities(setting, LATE, images)
    mu = threshold(late_feature, early_feature)
    kind = setting.recipe.masked.mask
    return [decoupled_mask(before, after, mu, kind) for before, after in zip(early, late, strict=True)], mu


def frozen_disparities(setting: Setting, which: str, images: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """The finest decoder feature and the disparities of the `EARLY` or the `LATE` network, float32."""
    network = setting.networks.frozen[which]
    with torch.no_grad(), setting.precision.half():
        features = network.decode(network.features(images))
    with torch.no_grad():
        features = [feature.float() for feature in features]
        return features[-1], network.heads(features)


def neighbourhood(batch: ClipBatch) -> torch.Tensor:
    """What the variance network sees, (B, 9, H, W): target, previous, following; without those, the other eye."""
    timed = batch.timed.view(-1, 1, 1, 1)
    around = [torch.where(timed, batch.seen[role], batch.seen["eye"]) for role in ("previous", "following")]
    return torch.cat([batch.seen["target"], *around], 1)


def kept_share(errors: list[Reprojection]) -> float:
    """Share of the pixels, at the finest scale, that the auto-mask leaves in."""
    return float(errors[0].kept.float().mean())
