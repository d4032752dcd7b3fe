"""A training recipe: what is trained on what, for how long and how."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from edgedepth.errors import UsageError
from edgedepth.models.registry import card
from edgedepth.training.settings import (
    PATCH,
    REFINING,
    SELF_SUPERVISED,
    THRESHOLDS,
    Augmentation,
    Distillation,
    LossWeights,
    Masked,
    Objective,
    Optimisation,
    Photometric,
    Refinement,
    Rendered,
    Source,
    Stage,
    Targets,
)

__all__ = [
    "Augmentation",
    "Distillation",
    "LossWeights",
    "Masked",
    "Objective",
    "Optimisation",
    "Photometric",
    "Recipe",
    "Refinement",
    "Rendered",
    "Source",
    "Span",
    "Stage",
    "Targets",
    "check",
]


@dataclass(frozen=True)
class Span:
    """Steps with one objective: one optimizer, one course of the learning rate.

    Attributes:
        start: its first step.
        steps: how many.
        objective: of all its stages.
    """

    start: int
    steps: int
    objective: Objective


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the trained weights, together with the data.

    Attributes:
        model: a card's name.
        seed: of the initial weights, the order of frames and every augmentation.
        config: fields of the card's configuration that are replaced.
        sources, stages: at least one each; no source where every picture is rendered.
        rendered: pictures that stages may mix in.
        initial: a checkpoint, relative to the data, that the depth network starts from, of itself or of the core or
            the coarse model that it is built on; or a model's name, which stands for its shipped weights; empty is
            random weights.
        report_every, save_every, monitor_every: steps between log lines, saved states and measurements on the
            held-out frames.
    """

    model: str
    seed: int
    sources: tuple[Source, ...]
    stages: tuple[Stage, ...]
    config: dict[str, Any] = field(default_factory=dict)
    optimisation: Optimisation = field(default_factory=Optimisation)
    loss: LossWeights = field(default_factory=LossWeights)
    targets: Targets = field(default_factory=Targets)
    rendered: Rendered = field(default_factory=Rendered)
    augmentation: Augmentation = field(default_factory=Augmentation)
    photometric: Photometric = field(default_factory=Photometric)
    masked: Masked = field(default_factory=Masked)
    distillation: Distillation = field(default_factory=Distillation)
    refinement: Refinement = field(default_factory=Refinement)
    initial: str = ""
    report_every: int = 50
    save_every: int = 500
    monitor_every: int = 1000

    @property
    def steps(self) -> int:
        """Optimizer steps of all stages together."""
        return sum(stage.steps for stage in self.stages)

    @property
    def digest(self) -> str:
        """A hash of every field that is not at its default, by which a saved state knows its recipe.

        A field that a later version adds therefore leaves the digests of older recipes as they are.
        """
        text = json.dumps(_changed(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def spans(self) -> tuple[Span, ...]:
        """Stages with one objective that follow each other, put together."""
        found: list[Span] = []
        for stage in self.stages:
            start = sum(span.steps for span in found)
            if found and found[-1].objective == stage.objective:
                last = found.pop()
                found.append(Span(last.start, last.steps + stage.steps, last.objective))
            else:
                found.append(Span(start, stage.steps, stage.objective))
        return tuple(found)

    def span_at(self, step: int) -> Span:
        """The span that step 0 .. steps - 1 belongs to."""
        return next(span for span in reversed(self.spans) if span.start <= step)

    def stage_at(self, step: int) -> Stage:
        """The stage that step 0 .. steps - 1 belongs to."""
        for stage in self.stages:
            if step < stage.steps:
                return stage
            step -= stage.steps
        raise IndexError("the recipe has no such step")


def _changed(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_changed(item) for item in value]
    if not dataclasses.is_dataclass(value):
        return value
    found = {f.name: (getattr(value, f.name), f) for f in dataclasses.fields(value)}
    return {name: _changed(given) for name, (given, f) in found.items() if given != _default(f)}


def _default(f: dataclasses.Field[Any]) -> Any:
    return f.default if f.default_factory is dataclasses.MISSING else f.default_factory()


def check(recipe: Recipe) -> None:
    """Refuse values out of range.

    Raises:
        UsageError: naming the field, its value and what is legal.
    """
    for stage in recipe.stages:
        size_ok = stage.height > 0 and stage.width > 0 and not (stage.height % 32 or stage.width % 32)
        _require(size_ok, "stages", f"{stage.height}x{stage.width}", "sides that are multiples of 32")
        _require(stage.steps > 0 and stage.batch > 0, "stages", stage, "positive steps and batch")
        most = stage.batch if recipe.rendered.count else 0
        _require(
            0 <= stage.rendered <= most, "stages.rendered", stage.rendered, f"0 to {most}, by the batch and [rendered]"
        )
        _require(stage.supervised >= 0, "stages.supervised", stage.supervised, "0 or more")
    scales = recipe.loss.scales
    _require(0 < len(scales) <= 4 and min(scales) >= 0 < max(scales), "loss.scales", scales, "1 to 4 weights >= 0")
    _require(0 <= recipe.loss.variance_focus <= 1, "loss.variance_focus", recipe.loss.variance_focus, "0 to 1")
    _require(recipe.optimisation.learning_rate > 0, "optimisation.learning_rate", recipe.optimisation, "above 0")
    _require(0 <= recipe.optimisation.ema < 1, "optimisation.ema", recipe.optimisation.ema, "0 to below 1")
    _require(recipe.targets.metres_per_unit > 0, "targets.metres_per_unit", recipe.targets, "above 0")
    _require(min(recipe.rendered.count, recipe.rendered.seed) >= 0, "rendered", recipe.rendered, "0 or more of each")
    _require(recipe.augmentation.zoom >= 1, "augmentation.zoom", recipe.augmentation.zoom, "1 or more")
    for name in ("flip", "grey", "blur", "erase", "seam"):
        chance = getattr(recipe.augmentation, name)
        _require(0 <= chance <= 1, f"augmentation.{name}", chance, "0 to 1")
    for name in ("report_every", "save_every", "monitor_every"):
        _require(getattr(recipe, name) > 0, name, getattr(recipe, name), "above 0")
    _require(all(source.repeat > 0 for source in recipe.sources), "sources.repeat", "0", "1 or more")
    _require(all(source.step >= 0 for source in recipe.sources), "sources.step", "negative", "0 or more")
    both = recipe.optimisation.bfloat16 and recipe.optimisation.float16
    _require(not both, "optimisation.float16", "set, and bfloat16 as well", "one of them")
    _check_self_supervision(recipe)
    if {span.objective for span in recipe.spans} & set(REFINING):
        _check_refinement(recipe)
    else:
        whole = card(recipe.model).takes == "picture"
        _require(whole, "stages.objective", f"of depth networks, for {recipe.model}", " or ".join(REFINING))
        _require(bool(recipe.sources), "sources", "none", "one or more")
    if "metric" in {span.objective for span in recipe.spans}:
        _check_metric(recipe)
    else:
        masked = any(source.masks for source in recipe.sources)
        _require(not masked, "sources.masks", "set", "empty but in metric stages: only those leave the vehicle out")


def _check_metric(recipe: Recipe) -> None:
    objectives = [span.objective for span in recipe.spans]
    _require(objectives == ["metric"], "stages", " then ".join(objectives), "metric stages alone")
    supervised = any(stage.supervised for stage in recipe.stages)
    _require(not supervised, "stages.supervised", "above 0 in a metric stage", "distillation.supervised weighs it")
    views = any(source.step or source.stereo or source.right_view for source in recipe.sources)
    _require(not views, "sources", "compared with other views", "no step, stereo or right_view: rigs have none")
    _require(recipe.targets.metres_per_unit == 1, "targets.metres_per_unit", recipe.targets.metres_per_unit, "1")
    settings = recipe.distillation
    for name in ("supervised", "cross", "relation"):
        _require(getattr(settings, name) >= 0, f"distillation.{name}", getattr(settings, name), "0 or more")
    weighs = settings.supervised or (settings.teacher and (settings.cross or settings.relation))
    _require(bool(weighs), "distillation", "without any weight", "supervised, or a teacher and a weight for it")
    _require(settings.huber > 0, "distillation.huber", settings.huber, "above 0")
    _require(settings.factor > 0, "distillation.factor", settings.factor, "above 0")
    _require(settings.pool > 0, "distillation.pool", settings.pool, "1 or more")
    whole = all(stage.height % settings.pool == stage.width % settings.pool == 0 for stage in recipe.stages)
    _require(whole, "distillation.pool", settings.pool, "a divisor of every stage's sides")


def _check_refinement(recipe: Recipe) -> None:
    coarse = getattr(card(recipe.model).config, "coarse", None)
    _require(bool(coarse), "stages.objective", f"of refiners, for {recipe.model}", "those of depth networks")
    objectives = [span.objective for span in recipe.spans]
    ordered = [objective for objective in REFINING if objective in objectives]
    _require(objectives == ordered, "stages", " then ".join(objectives), f"{', '.join(REFINING)}, in that order")
    for stage in recipe.stages:
        if stage.objective == "coarse":
            _require(stage.rendered == stage.batch or bool(recipe.sources), "sources", "none", "one or more")
        else:
            _require(stage.rendered == stage.batch, "stages.rendered", stage.rendered, "the batch, where patches are")
            smaller = stage.height <= PATCH[0] and stage.width <= PATCH[1]
            _require(smaller, "stages", f"{stage.height}x{stage.width}", f"{PATCH[0]}x{PATCH[1]} at most")
    settings = recipe.refinement
    for name in ("patches", "hold_out", "pairs"):
        _require(getattr(settings, name) > 0, f"refinement.{name}", getattr(settings, name), "1 or more")
    _require(settings.coarse_rate >= 0, "refinement.coarse_rate", settings.coarse_rate, "0 or more")
    _require(settings.softest >= 1, "refinement.softest", settings.softest, "1 or more")
    weights = settings.silog, settings.absolute, settings.gradient, settings.local, settings.detail
    counted = weights[1:] if "sharpened" in objectives else weights
    _require(min(weights) >= 0 < max(counted), "refinement", f"weighed {weights}", "weights of 0 or more, one above")


def _check_self_supervision(recipe: Recipe) -> None:
    objectives = [span.objective for span in recipe.spans]
    alone = not set(objectives) & set(SELF_SUPERVISED)
    views = any(source.step or source.stereo for source in recipe.sources)
    _require(alone or views, "sources", "without other views", "step = 1 or stereo = true for a source")
    mixed = any(stage.rendered for stage in recipe.stages if stage.objective in SELF_SUPERVISED)
    _require(not mixed, "stages.rendered", "above 0 in a self-supervised stage", "0: rendered streets are single views")
    if "masked" in objectives:
        before = objectives[: objectives.index("masked")]
        follows = before[-1:] == ["photometric"] and objectives.count("masked") == 1
        _require(follows, "stages", " then ".join(objectives), "one masked part, right after a photometric one")
    masked = recipe.masked
    _require(masked.early_pass >= 1, "masked.early_pass", masked.early_pass, "1 or more")
    _require(masked.refresh_passes >= 0, "masked.refresh_passes", masked.refresh_passes, "0 or more")
    low, high = THRESHOLDS
    _require(low < masked.threshold < high, "masked.threshold", masked.threshold, f"between {low} and {high}")


def _require(ok: bool, name: str, value: object, legal: str) -> None:
    if not ok:
        raise UsageError(f"The recipe's {name} is out of range.", f"It is {value}.", f"Legal: {legal}.")
