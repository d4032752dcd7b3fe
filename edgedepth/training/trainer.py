"""The training loop: one process, resumable at any saved step."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from edgedepth.errors import EdgedepthError, OutputError, UsageError
from edgedepth.evaluation.datasets import open_dataset
from edgedepth.models import ModelCard, card, checkpoint, with_config
from edgedepth.training import objectives
from edgedepth.training.feeds import ClipFeed, CloseUpFeed, FrameFeed, MomentFeed
from edgedepth.training.held_out import HeldOut, depth_metrics_of, photometric_error_of, refinement_of
from edgedepth.training.logbook import Logbook
from edgedepth.training.mask_sheet import mask_rows
from edgedepth.training.network_set import EARLY, LATE, NetworkSet
from edgedepth.training.objectives import Setting, Terms
from edgedepth.training.plots import plot_losses, plot_masks
from edgedepth.training.precision import Precision
from edgedepth.training.recipe import Recipe, Span
from edgedepth.training.refiner import objective as refining
from edgedepth.training.schedule import ema_decay, rate_at
from edgedepth.training.settings import REFINING, SELF_SUPERVISED
from edgedepth.training.state import load_state, save_state
from edgedepth.training.surround.bins import require_fitting
from edgedepth.training.surround.objective import metric
from edgedepth.training.surround.teachers import Teacher, open_teacher

STATE, LOG, WEIGHTS = "state.pt", "log.jsonl", "weights.safetensors"
LOSSES, MASKS = "losses.png", "mask.png"


@dataclass(frozen=True)
class Progress:
    """What a caller may show after each step.

    Attributes:
        step: steps done, of `steps`.
        loss: of this step.
        terms: its parts, by name.
        held_out: figures on the held-out frames, when this step measured them.
    """

    step: int
    steps: int
    loss: float
    terms: dict[str, float] = field(default_factory=dict)
    held_out: HeldOut | None = None


class Trainer:
    """One training run in one folder.

    Args:
        recipe: checked already.
        data: the folder that the sources' folders are relative to.
        output: where state, log, weights and pictures of the run go; made if absent.
        device: a torch device string.

    Raises:
        InputError: data that cannot be read.
        OutputError: the folder cannot be made.
        UsageError: a recipe that this data or this device cannot serve.
    """

    def __init__(self, recipe: Recipe, data: Path, output: Path, device: str = "cpu") -> None:
        self.recipe, self.data, self.output, self.device = recipe, data, output, usable_device(device)
        self.card: ModelCard = with_config(card(recipe.model), recipe.config)
        kinds = {span.objective for span in recipe.spans}
        require_fitting(self.card, kinds)
        self.networks = NetworkSet(recipe, self.card, data, self.device)
        self.precision = Precision(recipe.optimisation, self.device)
        depth_range = (self.card.output.min_depth, self.card.output.max_depth)
        self.setting = Setting(recipe, self.networks, self.precision, depth_range)
        self.step = 0
        self.terms = Terms({})
        self._span: Span | None = None
        self._optimizer: Any = None
        try:
            output.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"The folder {output} cannot be made.", str(error), "Name another output.") from error
        self.log = Logbook(output / LOG)
        self.frames: Any = FrameFeed(recipe, data, output, self.device) if "supervised" in kinds else None
        self.clips: Any = ClipFeed(recipe, data, self.device) if kinds.intersection(SELF_SUPERVISED) else None
        self.moments: Any = MomentFeed(recipe, data, output, self.device) if "metric" in kinds else None
        self.close_ups: Any = None
        if kinds.intersection(REFINING):
            whole = self.card.input.height, self.card.input.width
            self.close_ups = CloseUpFeed(recipe, data, whole, output, self.device)
        self.teacher: Teacher | None = None
        if self.moments and recipe.distillation.teacher:
            first, path = self.moments.bank.names[0][0], data / recipe.distillation.teacher
            self.teacher = open_teacher(path, first, self.precision, self.device)
        self._require_early_pass()

    @property
    def model(self) -> Any:
        """The depth network in training."""
        return self.networks.depth

    @property
    def statement(self) -> str:
        """What a metric run is taught by, one line; empty of any other run."""
        if self.moments is None:
            return ""
        return self.teacher.statement if self.teacher else "Without a teacher: on measured depth alone."

    def _require_early_pass(self) -> None:
        wanted = self.recipe.masked.early_pass
        for span, following in zip(self.recipe.spans, self.recipe.spans[1:], strict=False):
            passes = self._passes(span, following.start)
            if following.objective == "masked" and passes < wanted:
                raise UsageError(
                    "The photometric stage is too short for the masked one.",
                    f"It passes {passes} times over its {len(self.clips.bank.order)} clips; "
                    f"masked.early_pass asks for the network after pass {wanted}.",
                    "Give it more steps or a larger batch.",
                )

    def _passes(self, span: Span, step: int) -> int:
        return self.clips.passes(span, step) if self.clips else 0

    def _enter(self, span: Span) -> None:
        """Begin a span: its networks, its optimizer."""
        if span.objective == "masked":
            self.networks.freeze(LATE)
            if self.recipe.masked.restart:
                self.networks.start_depth()
        self._prepare(span)

    def _prepare(self, span: Span) -> None:
        self._span = span
        settings = self.recipe.optimisation
        networks = self.networks.trained(span.objective)
        self._parameters = [p for network in networks for p in network.parameters()]
        by_pace: dict[float, list[nn.Parameter]] = {}
        for network in networks:
            by_pace.setdefault(self.networks.pace(span.objective, network), []).extend(network.parameters())
        groups = [
            {"params": [p for p in parameters if (p.ndim > 1) == decayed], "weight_decay": decay, "pace": pace}
            for pace, parameters in by_pace.items()
            for decayed, decay in ((True, settings.weight_decay), (False, 0.0))
        ]
        if settings.optimizer == "adamw":
            self._optimizer = torch.optim.AdamW(groups, lr=settings.learning_rate)
        else:
            self._optimizer = torch.optim.NAdam(groups, lr=settings.learning_rate, decoupled_weight_decay=True)

    def resume(self) -> None:
        """Go on from the folder's saved state.

        Raises:
            UsageError: there is none, or it belongs to another recipe.
        """
        path = self.output / STATE
        if not path.is_file():
            raise UsageError(f"There is nothing to resume in {self.output}.", f"No {STATE}.", "Leave --resume out.")
        content = load_state(path, self.recipe.digest)
        self.step = content["step"]
        self.networks.load(content["networks"])
        if content["optimizer"]:
            self._prepare(self.recipe.span_at(self.step - 1))
            self._optimizer.load_state_dict(content["optimizer"])
        self.precision.scaler.load_state_dict(content["scaler"])
        self.log.rewind(self.step)

    def run(self, on_step: Callable[[Progress], None] = lambda _: None, until: int | None = None) -> None:
        """Train to the recipe's last step, or to step `until`, then write state, weights and pictures.

        Raises:
            UsageError: a fresh run into a folder that holds another.
            EdgedepthError: the loss is not finite.
            OutputError: something cannot be written; the last state that was written stays.
        """
        last = self.recipe.steps if until is None else min(until, self.recipe.steps)
        started = time.monotonic()
        if self.step == 0:
            self._start_record()
        while self.step < last:
            loss = self.train_step()
            held_out = self.measure() if self._due(self.recipe.monitor_every) else None
            if self._due(self.recipe.report_every) or held_out:
                self._report(loss, held_out, time.monotonic() - started)
            if self._due(self.recipe.save_every):
                self.save()
            terms = {name: float(part.detach()) for name, part in self.terms.parts.items()}
            on_step(Progress(self.step, self.recipe.steps, loss, terms, held_out))
        self.save()
        self.draw()

    def _start_record(self) -> None:
        if (self.output / STATE).exists():
            raise UsageError(
                f"{self.output} holds a run already.",
                f"It has a {STATE}.",
                "Go on with --resume, or name another output folder.",
            )
        self.log.rewind(-1)
        line: dict[str, Any] = {"statement": self.statement} if self.statement else {}
        if self.moments or self.close_ups or (self.clips and self.clips.bank.held_out):  # what training is to lower
            held_out = self.measure()
            line |= {"held_out": held_out.as_dict()} if held_out else {}
        if line:
            self.log.add({"step": 0, **line})

    def _due(self, every: int) -> bool:
        return self.step % every == 0 or self.step == self.recipe.steps

    def _terms(self) -> Terms:
        stage = self.recipe.stage_at(self.step)
        if stage.objective == "supervised":
            return objectives.supervised(self.setting, self.frames.batch(self.step))
        if stage.objective == "metric":
            return metric(self.setting, self.moments.batch(self.step), self.teacher)
        if stage.objective == "coarse":
            return refining.coarse(self.setting, self.close_ups.coarse(self.step))
        if stage.objective == "noisy":
            return refining.noisy(self.setting, *self.close_ups.close_ups(self.step))
        if stage.objective in REFINING:
            scaled = stage.objective == "refined"
            return refining.refined(self.setting, *self.close_ups.close_ups(self.step), scaled=scaled)
        objective = objectives.photometric if stage.objective == "photometric" else objectives.masked
        return objective(self.setting, stage, *self.clips.batch(self.step))

    def train_step(self) -> float:
        """One optimizer step; returns its loss.

        Raises:
            EdgedepthError: the loss is not finite.
        """
        span = self.recipe.span_at(self.step)
        if span != self._span:
            self._enter(span)
        rate = rate_at(self.step, self.recipe, self._passes(span, self.step))
        for group in self._optimizer.param_groups:
            group["lr"] = rate * group.get("pace", 1.0)
        self.terms = self._terms()
        loss = self.terms.total
        value = float(loss.detach())
        if not math.isfinite(value):
            raise EdgedepthError(
                "Training has diverged.",
                f"The loss of step {self.step} is {value}.",
                "Lower the learning rate.",
            )
        self.precision.step(loss, self._optimizer, self._parameters)
        anew = span.objective == "refined" or (span.objective == "masked" and self.recipe.masked.restart)
        age = self.step - span.start if anew else self.step
        self.networks.average.update(self.model, ema_decay(age, self.recipe.optimisation.ema))
        self.step += 1
        self._remember(span)
        return value

    def _remember(self, span: Span) -> None:
        """Keep the depth network where a pass that the mask asks for has just ended."""
        settings = self.recipe.masked
        before, now = self._passes(span, self.step - 1), self._passes(span, self.step)
        if now == before or self.networks.threshold is None:
            return
        first = span.objective == "photometric" and before < settings.early_pass <= now
        every = settings.refresh_passes
        if first or (span.objective == "masked" and every and before // every < now // every):
            self.networks.freeze(EARLY)

    def averaged(self) -> nn.Module:
        """A network of its own with the averaged weights, in evaluation mode on the CPU."""
        network: nn.Module = self.networks.averaged()
        return network

    def measure(self) -> HeldOut | None:
        """Figures of the averaged weights on the held-out frames; None if there are none."""
        model: Any = self.averaged()
        if self.close_ups:
            return refinement_of(model, self.card, self.setting, self.close_ups, self.data)
        depth = depth_metrics_of(model, self.card, self.recipe, self.data)
        error = None
        if self.clips:
            error = photometric_error_of(model.to(self.device), self.setting, self.clips.bank, self.device)
        return HeldOut(depth, error) if depth or error is not None else None

    def save(self) -> None:
        """Write the state, and the averaged weights as a checkpoint that every command reads."""
        content = {
            "digest": self.recipe.digest,
            "step": self.step,
            "networks": self.networks.state(),
            "optimizer": self._optimizer.state_dict() if self._optimizer else {},
            "scaler": self.precision.scaler.state_dict(),
        }
        save_state(self.output / STATE, content)
        notes = {
            "licence": self._licence(),
            "recipe_sha256": self.recipe.digest,
            "seed": str(self.recipe.seed),
            "steps": str(self.step),
        }
        if not self.close_ups:  # a refiner's coarse model knows no scale
            notes["metres_per_unit"] = str(self.recipe.targets.metres_per_unit)
        if self.moments:  # what a metre looks like hangs on the size: whoever reads the weights starts from it
            notes |= {"height": str(self.recipe.stages[-1].height), "width": str(self.recipe.stages[-1].width)}
        base = card(self.recipe.model)
        checkpoint.save(self.output / WEIGHTS, self.averaged(), base, self.recipe.config, notes)

    def _licence(self) -> str:
        said = [self.networks.licence]
        said += [open_dataset(self.data / source.folder).licence for source in self.recipe.sources]
        return " ".join(dict.fromkeys(text for text in said if text)) or "The training pictures state no licence."

    def _report(self, loss: float, held_out: HeldOut | None, seconds: float) -> None:
        last = self.step - 1
        span = self.recipe.span_at(last)
        line: dict[str, Any] = {
            "step": self.step,
            "loss": loss,
            "terms": {name: float(part.detach()) for name, part in self.terms.parts.items()},
            "learning_rate": rate_at(last, self.recipe, self._passes(span, last)),
            "seconds": seconds,
        }
        if self.terms.notes:
            line["notes"] = self.terms.notes
        if held_out:
            line["held_out"] = held_out.as_dict()
        self.log.add(line)
        if held_out:
            self.draw()

    def draw(self) -> None:
        """Draw the record so far, and in the masked stage its masks."""
        plot_losses(self.log.lines(), self.output / LOSSES)
        if self._span and self._span.objective == "masked":
            stage = self.recipe.stage_at(self.step - 1)
            plot_masks(mask_rows(self.setting, stage, self.clips.bank, self.device), self.output / MASKS)


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
