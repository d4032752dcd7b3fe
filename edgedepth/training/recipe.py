"""A training recipe: what is trained on what, for how long and how."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from edgedepth.errors import UsageError


@dataclass(frozen=True)
class Source:
    """One folder of training frames.

    Attributes:
        folder: relative to the data root.
        hold_out: names of frames that are never trained on and that the monitor measures.
        right_view: also train on the right pictures, with depth carried over from the left view.
        repeat: how often each frame comes per pass over the data.
    """

    folder: str
    hold_out: tuple[str, ...] = ()
    right_view: bool = False
    repeat: int = 1


@dataclass(frozen=True)
class Stage:
    """A run of steps at one input size.

    Attributes:
        steps: optimizer steps.
        height, width: pixels, both divisible by 32.
        batch: pictures per step.
    """

    steps: int
    height: int
    width: int
    batch: int


@dataclass(frozen=True)
class Optimisation:
    """AdamW with linear warm-up and cosine decay over all stages.

    Attributes:
        learning_rate: the peak; `final_fraction` of it is left at the last step.
        weight_decay: on convolution weights only.
        warmup: steps.
        clip: largest gradient norm.
        ema: decay of the moving average of weights, which is what gets evaluated and shipped.
    """

    learning_rate: float = 1e-3
    final_fraction: float = 0.01
    weight_decay: float = 0.02
    warmup: int = 300
    clip: float = 5.0
    ema: float = 0.999


@dataclass(frozen=True)
class LossWeights:
    """How the loss is put together.

    Attributes:
        variance_focus: lambda of the scale-invariant log loss; 1 ignores each picture's scale.
        absolute: weight of the mean absolute log error.
        gradient: weight of multi-scale log-gradient matching, on the finest disparity.
        scales: weight of each disparity, finest first.
    """

    variance_focus: float = 0.85
    absolute: float = 0.5
    gradient: float = 0.5
    scales: tuple[float, ...] = (1.0, 0.5, 0.25, 0.125)


@dataclass(frozen=True)
class Targets:
    """What becomes of measured and teacher depth.

    Attributes:
        metres_per_unit: metres that one unit of the network's depth stands for.
        max_depth: metres; farther targets are ignored.
        lidar_weight, teacher_weight: weight per pixel.
        teacher_top_weight: the teacher's weight above `trusted_row`, where no LiDAR supports it.
        trusted_row: fraction of the height from the top.
        sky_depth, sky_weight: target in metres and weight where the picture looks like sky in a frame with a
            teacher; a weight of 0 ignores those pixels.
    """

    metres_per_unit: float = 16.0
    max_depth: float = 80.0
    lidar_weight: float = 1.0
    teacher_weight: float = 1.0
    teacher_top_weight: float = 0.3
    trusted_row: float = 0.33
    sky_depth: float = 80.0
    sky_weight: float = 0.1


@dataclass(frozen=True)
class Augmentation:
    """Strength of each random change; zero switches it off.

    Attributes:
        flip: chance of a horizontal flip.
        zoom: a crop is enlarged by 1 to this factor, and its depth divided by the same.
        aspect: the crop's width is stretched by up to this fraction either way.
        rotation: degrees either way.
        colour: scale of brightness, contrast, saturation, gamma and white-balance changes.
        grey, blur, erase, seam: chances of losing colour, of blurring, of blanking boxes, and of continuing
            with another frame to the right of a vertical seam.
        noise: largest standard deviation, in units of the full range.
    """

    flip: float = 0.5
    zoom: float = 1.5
    aspect: float = 0.1
    rotation: float = 2.0
    colour: float = 0.4
    grey: float = 0.1
    blur: float = 0.15
    noise: float = 0.03
    erase: float = 0.3
    seam: float = 0.3


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the trained weights, together with the data.

    Attributes:
        model: a card's name.
        seed: of the initial weights, the order of frames and every augmentation.
        config: fields of the card's configuration that are replaced.
        sources, stages: at least one each.
        report_every, save_every, monitor_every: steps between log lines, saved states and measurements on the
            held-out frames.
    """

    model: str
    seed: int
    sources: tuple[Source, ...]
    stages: tuple[Stage, ...]
    config: dict[str, Any] = field(default_factory=dict)
    optimisation: Optimisation = Optimisation()
    loss: LossWeights = LossWeights()
    targets: Targets = Targets()
    augmentation: Augmentation = Augmentation()
    report_every: int = 50
    save_every: int = 500
    monitor_every: int = 1000

    @property
    def steps(self) -> int:
        """Optimizer steps of all stages together."""
        return sum(stage.steps for stage in self.stages)

    @property
    def digest(self) -> str:
        """A hash of every field, by which a saved state knows its recipe."""
        text = json.dumps(dataclasses.asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def stage_at(self, step: int) -> Stage:
        """The stage that step 0 .. steps - 1 belongs to."""
        for stage in self.stages:
            if step < stage.steps:
                return stage
            step -= stage.steps
        raise IndexError("the recipe has no such step")


def check(recipe: Recipe) -> None:
    """Refuse values out of range.

    Raises:
        UsageError: naming the field, its value and what is legal.
    """
    for stage in recipe.stages:
        size_ok = stage.height > 0 and stage.width > 0 and not (stage.height % 32 or stage.width % 32)
        _require(size_ok, "stages", f"{stage.height}x{stage.width}", "sides that are multiples of 32")
        _require(stage.steps > 0 and stage.batch > 0, "stages", stage, "positive steps and batch")
    scales = recipe.loss.scales
    _require(0 < len(scales) <= 4 and min(scales) >= 0 < max(scales), "loss.scales", scales, "1 to 4 weights >= 0")
    _require(0 <= recipe.loss.variance_focus <= 1, "loss.variance_focus", recipe.loss.variance_focus, "0 to 1")
    _require(recipe.optimisation.learning_rate > 0, "optimisation.learning_rate", recipe.optimisation, "above 0")
    _require(0 <= recipe.optimisation.ema < 1, "optimisation.ema", recipe.optimisation.ema, "0 to below 1")
    _require(recipe.targets.metres_per_unit > 0, "targets.metres_per_unit", recipe.targets, "above 0")
    _require(recipe.augmentation.zoom >= 1, "augmentation.zoom", recipe.augmentation.zoom, "1 or more")
    for name in ("flip", "grey", "blur", "erase", "seam"):
        chance = getattr(recipe.augmentation, name)
        _require(0 <= chance <= 1, f"augmentation.{name}", chance, "0 to 1")
    for name in ("report_every", "save_every", "monitor_every"):
        _require(getattr(recipe, name) > 0, name, getattr(recipe, name), "above 0")
    _require(all(source.repeat > 0 for source in recipe.sources), "sources.repeat", "0", "1 or more")


def _require(ok: bool, name: str, value: object, legal: str) -> None:
    if not ok:
        raise UsageError(f"The recipe's {name} is out of range.", f"It is {value}.", f"Legal: {legal}.")
