"""The training loop: supervised depth, one process, resumable at any saved step."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from edgedepth.errors import EdgedepthError, OutputError, UsageError
from edgedepth.evaluation.metrics import DepthMetrics, mean_metrics
from edgedepth.evaluation.protocol import evaluate
from edgedepth.evaluation.torch_predictor import TorchPredictor
from edgedepth.models import ModelCard, build, card, checkpoint, with_config
from edgedepth.models.init import initialise
from edgedepth.training.augment import Batch, augment
from edgedepth.training.frames import FrameBank, load_frames, open_source
from edgedepth.training.losses import depth_loss
from edgedepth.training.recipe import Recipe
from edgedepth.training.schedule import changes_at, ema_decay, frames_at, learning_rate
from edgedepth.training.state import Average, load_state, save_state

STATE, LOG, WEIGHTS = "state.pt", "log.jsonl", "weights.safetensors"
LICENCE = "Trained on KITTI pictures (CC BY-NC-SA 3.0, Geiger et al.): for non-commercial use, to be shared alike."


@dataclass(frozen=True)
class Progress:
    """What a caller may show after each step.

    Attributes:
        step: steps done, of `steps`.
        loss: of this step.
        held_out: mean metrics on the held-out frames, when this step measured them.
    """

    step: int
    steps: int
    loss: float
    held_out: DepthMetrics | None = None


class Trainer:
    """One training run in one folder.

    Args:
        recipe: checked already.
        data: the folder that the sources' folders are relative to.
        output: where state, log and weights go; made if absent.
        device: a torch device string.

    Raises:
        InputError: data that cannot be read.
        OutputError: the folder cannot be made.
    """

    def __init__(self, recipe: Recipe, data: Path, output: Path, device: str = "cpu") -> None:
        self.recipe, self.data, self.output, self.device = recipe, data, output, usable_device(device)
        self.card: ModelCard = with_config(card(recipe.model), recipe.config)
        self.frames: FrameBank = load_frames(recipe, data)
        # Channels last is what CPU convolutions run fastest on; it changes no result beyond rounding.
        model = initialise(build(self.card), recipe.seed).train()
        self.model: Any = model.to(self.device).to(memory_format=torch.channels_last)
        self.average = Average(self.model)
        self.optimizer = self._optimizer()
        self.step = 0
        try:
            output.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"The folder {output} cannot be made.", str(error), "Name another output.") from error

    def _optimizer(self) -> torch.optim.Optimizer:
        settings = self.recipe.optimisation
        convolutions = [p for p in self.model.parameters() if p.ndim > 1]
        others = [p for p in self.model.parameters() if p.ndim <= 1]
        groups = [
            {"params": convolutions, "weight_decay": settings.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ]
        return torch.optim.AdamW(groups, lr=settings.learning_rate)

    def resume(self) -> None:
        """Go on from the folder's saved state.

        Raises:
            UsageError: there is none, or it belongs to another recipe.
        """
        path = self.output / STATE
        if not path.is_file():
            raise UsageError(f"There is nothing to resume in {self.output}.", f"No {STATE}.", "Leave --resume out.")
        self.step = load_state(path, **self._parts())

    def _parts(self) -> dict[str, Any]:
        parts = {"model": self.model, "optimizer": self.optimizer, "average": self.average}
        return {"digest": self.recipe.digest, **parts}

    def run(self, on_step: Callable[[Progress], None] = lambda _: None, until: int | None = None) -> None:
        """Train to the recipe's last step, or to step `until`, then write state and averaged weights."""
        last = self.recipe.steps if until is None else min(until, self.recipe.steps)
        started = time.monotonic()
        while self.step < last:
            loss = self.train_step()
            held_out = self.measure() if self._due(self.recipe.monitor_every) else None
            if self._due(self.recipe.report_every) or held_out:
                self._log(loss, held_out, time.monotonic() - started)
            if self._due(self.recipe.save_every):
                self.save()
            on_step(Progress(self.step, self.recipe.steps, loss, held_out))
        self.save()

    def _due(self, every: int) -> bool:
        return self.step % every == 0 or self.step == self.recipe.steps

    def batch(self, step: int) -> Batch:
        """The augmented batch of a step, depth in the network's units."""
        stage = self.recipe.stage_at(step)
        chosen = torch.tensor(frames_at(step, self.recipe, self.frames.order))
        raw = Batch(
            self.frames.images[chosen].float() / 255.0,
            self.frames.depths[chosen] / self.recipe.targets.metres_per_unit,
            self.frames.weights[chosen],
        )
        return augment(raw, (stage.height, stage.width), self.recipe.augmentation, changes_at(step, self.recipe))

    def train_step(self) -> float:
        """One optimizer step; returns its loss.

        Raises:
            EdgedepthError: the loss is not finite.
        """
        settings, spec = self.recipe.optimisation, self.card.output
        rate = learning_rate(self.step, self.recipe.steps, settings)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        batch = self.batch(self.step)
        images = batch.images.to(self.device, memory_format=torch.channels_last)
        disparities = self.model.disparities(images)
        loss = depth_loss(
            disparities,
            batch.depths.to(self.device),
            batch.weights.to(self.device),
            self.recipe.loss,
            (spec.min_depth, spec.max_depth),
        )
        value = float(loss.detach())
        if not math.isfinite(value):
            raise EdgedepthError(
                "Training has diverged.",
                f"The loss of step {self.step} is {value}.",
                "Lower the learning rate.",
            )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.model.parameters(), settings.clip)
        self.optimizer.step()
        self.average.update(self.model, ema_decay(self.step, settings.ema))
        self.step += 1
        return value

    def averaged(self) -> nn.Module:
        """A network of its own with the averaged weights, in evaluation mode on the CPU."""
        model = build(self.card)
        model.load_state_dict(self.average.values)
        return model.eval()

    def measure(self) -> DepthMetrics | None:
        """Median-aligned metrics of the averaged weights on the held-out frames; None if there are none."""
        stage = self.recipe.stages[-1]
        predictor = TorchPredictor(self.averaged(), self.card, (stage.height, stage.width))
        found: list[DepthMetrics] = []
        for source in self.recipe.sources:
            if source.hold_out:
                dataset, _ = open_source(self.data, source)
                found += evaluate(predictor, dataset, names=source.hold_out).frames.values()
        return mean_metrics(found) if found else None

    def save(self) -> None:
        """Write the state, and the averaged weights as a checkpoint that every command reads."""
        save_state(self.output / STATE, step=self.step, **self._parts())
        notes = {
            "licence": LICENCE,
            "metres_per_unit": str(self.recipe.targets.metres_per_unit),
            "recipe_sha256": self.recipe.digest,
            "seed": str(self.recipe.seed),
            "steps": str(self.step),
        }
        base = card(self.recipe.model)
        checkpoint.save(self.output / WEIGHTS, self.averaged(), base, self.recipe.config, notes)

    def _log(self, loss: float, held_out: DepthMetrics | None, seconds: float) -> None:
        rate = learning_rate(self.step - 1, self.recipe.steps, self.recipe.optimisation)
        line: dict[str, object] = {"step": self.step, "loss": loss, "learning_rate": rate, "seconds": seconds}
        if held_out:
            line["held_out"] = held_out.as_dict()
        with (self.output / LOG).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def usable_device(name: str) -> torch.device:
    """The torch device of that name.

    Raises:
        UsageError: torch knows no such device, or this machine has none.
    """
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0][:160]
        raise UsageError(f"There is no usable device {name!r}.", first, "Use cpu, or cuda with its driver.") from error
    return device
