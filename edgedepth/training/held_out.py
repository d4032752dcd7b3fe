"""How well the averaged weights do on frames that were never trained on."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from edgedepth.evaluation.boundaries import boundary_f1
from edgedepth.evaluation.datasets import DepthDataset
from edgedepth.evaluation.metrics import DepthMetrics, mean_metrics
from edgedepth.evaluation.protocol import EvaluationProtocol, evaluate
from edgedepth.evaluation.torch_predictor import TorchPredictor
from edgedepth.models import ModelCard, card
from edgedepth.training.clip_batch import gather
from edgedepth.training.clips import ClipBank
from edgedepth.training.feeds import CloseUpFeed
from edgedepth.training.frames import open_source
from edgedepth.training.objectives import Setting, disparities_of, reprojections
from edgedepth.training.recipe import Recipe
from edgedepth.training.refiner.objective import predict
from edgedepth.training.settings import PATCH

_AT_ONCE = 8


@dataclass(frozen=True)
class PatchErrors:
    """Of the kept-out pictures' patches, coarse and refined: mean absolute log error and boundary F1.

    Scale is aligned by the medians of each whole picture.
    """

    coarse_error: float
    refined_error: float
    coarse_f1: float
    refined_f1: float


@dataclass(frozen=True)
class HeldOut:
    """Figures of one moment.

    Attributes:
        depth: metrics where held-out frames have measured depth: median-aligned, but of a model that gives metres
            as it gives them.
        photometric: mean of the least reprojection error at the finest scale over all pixels, without any mask,
            where held-out frames have other views.
        patches: of a refiner.
    """

    depth: DepthMetrics | None = None
    photometric: float | None = None
    patches: PatchErrors | None = None

    def as_dict(self) -> dict[str, float]:
        """What there is, by name."""
        found = dict(self.depth.as_dict()) if self.depth else {}
        found |= asdict(self.patches) if self.patches else {}
        return found if self.photometric is None else {**found, "photometric": self.photometric}

    def __str__(self) -> str:
        parts = [f"AbsRel {self.depth.abs_rel:.3f}"] if self.depth else []
        parts += [] if self.photometric is None else [f"photometric error {self.photometric:.4f}"]
        if self.patches:
            errors = self.patches
            parts.append(f"log error {errors.coarse_error:.4f} to {errors.refined_error:.4f}")
            parts.append(f"boundary F1 {errors.coarse_f1:.3f} to {errors.refined_f1:.3f}")
        return "held-out " + ", ".join(parts)


def depth_metrics_of(
    model: Any, card: ModelCard, recipe: Recipe, data: Path, size: tuple[int, int] | None = None
) -> DepthMetrics | None:
    """Mean metrics on the held-out frames that have measured depth; None if there are none.

    Args:
        model: a depth network in evaluation mode on the CPU.
        card: it was built from.
        recipe: says which frames are held out.
        data: the folder that the sources' folders are relative to.
        size: (height, width) at which the network sees them; None is the last stage's.
    """
    stage = recipe.stages[-1]
    predictor = TorchPredictor(model, card, size or (stage.height, stage.width))
    protocol = EvaluationProtocol("none", max_depth=recipe.targets.max_depth) if card.output.metric else None
    found: list[DepthMetrics] = []
    for source in recipe.sources:
        dataset, held_out = open_source(data, source)
        names = _measured(dataset, held_out)
        if names:
            found += evaluate(predictor, dataset, protocol, names).frames.values()
    return mean_metrics(found) if found else None


def _measured(dataset: DepthDataset, names: tuple[str, ...]) -> list[str]:
    return [name for name in names if bool((dataset.read(name).depth > 0).any())]


def photometric_error_of(model: Any, setting: Setting, bank: ClipBank, device: torch.device) -> float | None:
    """Mean error of the held-out clips as they are; None if there are none.

    Args:
        model: a depth network in evaluation mode on `device`.
        setting: of the run, with the pose network as it is now.
        bank: holds the clips.
        device: where the networks are.
    """
    if not bank.held_out:
        return None
    recipe = setting.recipe
    stage = [stage for stage in recipe.stages if stage.objective != "supervised"][-1]
    # Every pixel counts, or a network could do well by looking past the pictures' borders.
    every_pixel = replace(recipe.photometric, automask=False, inside_only=False)
    plain = replace(setting, recipe=replace(recipe, photometric=every_pixel))
    pose = setting.networks.pose
    training = pose is not None and pose.training
    if pose is not None:
        pose.eval()
    total = 0.0
    with torch.no_grad():
        for start in range(0, len(bank.held_out), _AT_ONCE):
            chosen = bank.held_out[start : start + _AT_ONCE]
            size = stage.height, stage.width
            batch = gather(bank, chosen, size, recipe.targets.metres_per_unit).to(device)
            finest = disparities_of(model, batch.frames["target"], setting.precision)[:1]
            scales = reprojections(plain, batch, finest, torch.Generator())
            total += float(scales[0].error.mean()) * len(chosen)
    if pose is not None:
        pose.train(training)
    return total / len(bank.held_out)


def refinement_of(model: Any, base: ModelCard, setting: Setting, feed: CloseUpFeed, data: Path) -> HeldOut:
    """Of held-out frames of the sources the coarse model's depth; of kept-out pictures what refining changes.

    Args:
        model: a refiner with its coarse model, in evaluation mode on the CPU.
        base: its card.
        setting: of the run.
        feed: holds the pictures.
        data: the folder that the sources' folders are relative to.
    """
    size = base.input.height, base.input.width
    network = model.coarse_branch.network
    depth = depth_metrics_of(network, card(model.config.coarse), setting.recipe, data, size)
    rows = []
    everywhere = np.ones(PATCH, np.bool_)
    with torch.no_grad():
        for number in range(setting.recipe.refinement.hold_out):
            found = predict(model, setting, feed.held_out(number))
            kinds = (one[:, 0].double().numpy() for one in (found.before, found.after, found.truth))
            for before, after, truth in zip(*kinds, strict=True):
                errors = [float(np.abs(one - truth).mean()) for one in (before, after)]
                scores = [boundary_f1(np.exp(one), np.exp(truth), everywhere) for one in (before, after)]
                rows.append([*errors, *scores])
    return HeldOut(depth, patches=PatchErrors(*np.mean(rows, 0).tolist()))
