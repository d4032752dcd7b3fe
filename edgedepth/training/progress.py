"""The bar that a training run shows on stderr."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.table import Column
from rich.text import Text

from edgedepth.training.trainer import Progress as Step

_SMOOTHING = 0.98
_BAR = 16  # columns


class _Speed(ProgressColumn):
    """Steps per second."""

    def render(self, task: Task) -> Text:
        """The mean over the last steps, once there is one."""
        return Text(f"{task.speed:.2f} steps/s" if task.speed else "")


@contextmanager
def training_bar(console: Console, done: int, steps: int) -> Iterator[Callable[[Step], None]]:
    """A bar from step `done` to `steps`: steps per second, time left, running means of the loss and its parts.

    Yields:
        What each step calls.
    """
    # On a narrow terminal the losses are what wraps.
    columns = (
        BarColumn(bar_width=_BAR),
        MofNCompleteColumn(table_column=Column(no_wrap=True)),
        _Speed(table_column=Column(no_wrap=True)),
        TimeRemainingColumn(table_column=Column(no_wrap=True)),
        TextColumn("{task.description}", table_column=Column()),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=steps, completed=done)
        means: dict[str, float] = {}

        def show(step: Step) -> None:
            values = {"loss": step.loss, **(step.terms if len(step.terms) > 1 else {})}
            for name, value in values.items():
                old = means.get(name, value)
                means[name] = _SMOOTHING * old + (1 - _SMOOTHING) * value
            text = "  ".join(f"{name} {means[name]:.3g}" for name in values)
            bar.update(task, completed=step.step, description=text)
            if step.held_out:
                bar.console.print(f"step {step.step}: {step.held_out}")

        yield show
