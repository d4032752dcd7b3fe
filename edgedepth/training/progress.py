"""The bar that a training run shows on stderr."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from edgedepth.training.trainer import Progress as Step

_SMOOTHING = 0.98


@contextmanager
def training_bar(console: Console, done: int, steps: int) -> Iterator[Callable[[Step], None]]:
    """A bar from step `done` to `steps` with the running mean of the loss; yields what each step calls."""
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=steps, completed=done)
        mean: float | None = None

        def show(step: Step) -> None:
            nonlocal mean
            mean = step.loss if mean is None else _SMOOTHING * mean + (1 - _SMOOTHING) * step.loss
            bar.update(task, completed=step.step, description=f"loss {mean:.3f}")
            if step.held_out:
                bar.console.print(f"step {step.step}: held-out AbsRel {step.held_out.abs_rel:.3f}")

        yield show
