"""Pictures of a run: its losses over the steps, and what the masked stage takes for moving."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from edgedepth.errors import OutputError
from edgedepth.files import replace_whole

_WIDTH = 3.2  # inches of one picture of a sheet


def plot_losses(lines: Sequence[dict[str, Any]], path: Path) -> None:
    """Every part of the loss, the held-out figures and the learning rate over the steps, as PNG.

    Args:
        lines: of the run's log.
        path: destination; replaced whole.

    Raises:
        OutputError: it cannot be written.
    """
    curves = {
        "loss": _curves(lines, "terms", {"loss": lambda line: line.get("loss")}),
        "held out": _curves(lines, "held_out", {}),
        "learning rate": _curves(lines, "", {"learning rate": lambda line: line.get("learning_rate")}),
    }
    drawn = {title: named for title, named in curves.items() if named}
    figure = Figure(figsize=(9, 2.6 * max(len(drawn), 1)), layout="constrained")
    for axes, (title, named) in zip(np.atleast_1d(figure.subplots(max(len(drawn), 1))), drawn.items(), strict=False):
        for name, points in named.items():
            axes.plot(*zip(*points, strict=True), label=name, marker="." if len(points) < 30 else "", linewidth=1)
        axes.set_yscale("log" if all(y > 0 for points in named.values() for _, y in points) else "linear")
        axes.set_ylabel(title)
        axes.grid(alpha=0.3)
        axes.legend(loc="upper right", fontsize="small")
    figure.supxlabel("step")
    _save(figure, path)


def _curves(
    lines: Sequence[dict[str, Any]], group: str, single: dict[str, Any]
) -> dict[str, list[tuple[float, float]]]:
    found: dict[str, list[tuple[float, float]]] = {}
    for line in lines:
        values = {name: get(line) for name, get in single.items()} | dict(line.get(group) or {})
        for name, value in values.items():
            if value is not None:
                found.setdefault(name, []).append((line["step"], value))
    return found


@dataclass(frozen=True)
class MaskRow:
    """One frame on the sheet.

    Attributes:
        name: of the frame.
        image: (H, W, 3) in 0..1.
        early, late: (H, W) sigmoid disparity.
        mask: (H, W), 1 where taken for static.
        threshold: of this frame.
        moving: (H, W) boolean, what truly moves, where it is known.
    """

    name: str
    image: NDArray[np.float32]
    early: NDArray[np.float32]
    late: NDArray[np.float32]
    mask: NDArray[np.float32]
    threshold: float
    moving: NDArray[np.bool_] | None = None


def plot_masks(rows: Sequence[MaskRow], path: Path) -> None:
    """A sheet with a row per frame: picture, early and late disparity, mask, and the truth where known; PNG.

    Raises:
        OutputError: it cannot be written.
    """
    known = any(row.moving is not None for row in rows)
    columns = 5 if known else 4
    height, width = rows[0].mask.shape
    shape = (_WIDTH * columns, (_WIDTH * height / width + 0.3) * len(rows))
    figure = Figure(figsize=shape, layout="constrained")
    grid = figure.subplots(len(rows), columns, squeeze=False)
    for line, row in zip(grid, rows, strict=True):
        top = float(max(row.early.max(), row.late.max()))
        line[0].imshow(row.image)
        line[0].set_title(row.name, fontsize="small")
        for axes, title, disparity in ((line[1], "early", row.early), (line[2], "late", row.late)):
            axes.imshow(disparity, cmap="magma", vmin=0, vmax=top)
            axes.set_title(f"{title} disparity", fontsize="small")
        line[3].imshow(row.mask, cmap="gray", vmin=0, vmax=1)
        line[3].set_title(f"M, {row.mask.mean():.0%} static, threshold {row.threshold:.3f}", fontsize="small")
        if row.moving is not None:
            line[4].imshow(~row.moving, cmap="gray", vmin=0, vmax=1)
            line[4].set_title("truth: moving is black", fontsize="small")
        for axes in line:
            axes.set_axis_off()
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    content = io.BytesIO()
    # Without the library's version in it, the same run gives the same bytes.
    figure.savefig(content, format="png", dpi=100, metadata={"Software": None})
    try:
        replace_whole(path, content.getvalue())
    except OSError as error:
        raise OutputError(f"{path} could not be written.", str(error), "Free some space.") from error
