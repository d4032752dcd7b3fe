"""Measurements as one self-contained HTML page, with its plots as PNG files beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgedepth.artifact.folder import write_whole
from edgedepth.bench.page.accuracy import Accuracy, read_accuracy
from edgedepth.bench.page.document import Picture, document
from edgedepth.bench.page.plots import plots_of
from edgedepth.bench.page.theme import DARK, LIGHT, png
from edgedepth.bench.schema import Record
from edgedepth.errors import OutputError, UsageError

__all__ = ["PLOTS", "Accuracy", "read_accuracy", "write_page"]

PLOTS = "plots"
TITLE = "Benchmark"


def write_page(records: Sequence[Record], path: Path, accuracy: Sequence[Accuracy] = (), title: str = TITLE) -> Path:
    """Write the page, and a folder ``plots`` beside it with its pictures.

    The page needs nothing but itself: no other file, no network, no script. Equal records give equal bytes.

    Args:
        records: what was measured, on one device or on several.
        path: of the HTML file; its folder is made if need be.
        accuracy: depth metrics of the files that were timed.
        title: of the page.

    Returns:
        The page's path.

    Raises:
        UsageError: there are no records.
        OutputError: something cannot be written.
    """
    if not records:
        raise UsageError("There is nothing to report.", "No configuration was finished.", "Measure something first.")
    folder = path.parent / PLOTS
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder} cannot be made.", error.strerror or str(error), "Name another -o.") from error
    pictures = {}
    for plot in plots_of(records, accuracy):
        pictures[plot.name] = Picture(plot, png(plot, LIGHT), png(plot, DARK))
        write_whole(folder / f"{plot.name}.png", pictures[plot.name].light)
    write_whole(path, document(records, accuracy, pictures, title).encode())
    return path
