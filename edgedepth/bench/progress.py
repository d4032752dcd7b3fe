"""A progress bar for anything that reports how much is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


@contextmanager
def progress_bar(console: Console, label: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on a console while the block runs; the value is called with (done, planned)."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # Redrawn by hand, at steps of done work: a thread that redraws would disturb what is measured.
    with Progress(*columns, console=console, transient=True, auto_refresh=False) as progress:
        task = progress.add_task(label, total=None)

        def update(done: int, planned: int) -> None:
            progress.update(task, completed=done, total=planned, refresh=True)

        yield update
