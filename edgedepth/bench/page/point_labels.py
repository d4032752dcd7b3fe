"""Names beside points, placed so that they can be read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from edgedepth.bench.page.theme import Theme

Boxes = NDArray[np.float64]
"""(N, 4) left, bottom, right, top in pixels."""

NEAR = 13
"""Points of distance beyond which a line leads from a name to its point."""
MARKER = 8
"""Points that a marker is wide."""
_RADII = (7, 13, 20, 28, 38, 50)
_DEGREES = (0, 180, 90, 270, 30, 150, 210, 330, 60, 120, 240, 300)
# (places, 3): distance, cosine and sine; the first of equally good ones is taken.
_AROUND = np.array([(r, np.cos(np.radians(a)), np.sin(np.radians(a))) for r in _RADII for a in _DEGREES])


def label_points(
    figure: Figure, axes: Axes, points: Sequence[tuple[float, float]], texts: Sequence[str], theme: Theme
) -> None:
    """Write each point's name near it, where it covers no other name and no point; far ones get a line.

    Args:
        figure: with a layout that does not change any more.
        axes: whose scales and limits are set.
        points: in data units, those without a name after the named ones.
        texts: names of the first points.
        theme: for the colours.
    """
    renderer: Any = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
    pixels = figure.dpi / 72  # of a point
    centres: Boxes = axes.transData.transform(np.asarray(points, dtype=np.float64))
    taken = np.hstack([centres - MARKER / 2 * pixels, centres + MARKER / 2 * pixels])
    frame = np.array(axes.get_window_extent(renderer).extents)
    paper = {"facecolor": theme.paper, "edgecolor": "none", "alpha": 0.75, "pad": 0.4}
    for number, text in enumerate(texts):
        note = axes.annotate(
            text, points[number], (0, 0), textcoords="offset points", va="bottom", fontsize=7.5, zorder=6, bbox=paper
        )
        extent = note.get_window_extent(renderer)
        size = np.array([extent.width, extent.height]) / pixels
        offsets = _offsets(size)
        boxes = np.hstack([offsets, offsets + size]) * pixels + np.tile(centres[number], 2)
        best = int(np.argmin(_cost(boxes, np.delete(taken, number, axis=0), frame)))
        note.set_position(tuple(offsets[best]))
        taken = np.vstack([taken, boxes[best]])
        if _AROUND[best, 0] > NEAR:
            _lead(axes, points[number], offsets[best] + size / 2, theme)


def _offsets(size: NDArray[np.float64]) -> NDArray[np.float64]:
    """(places, 2) points from a point to the lower left corner of a name of that size beside it."""
    distance, across, up = _AROUND.T
    x = distance * across - size[0] * np.select([across > 0.1, across < -0.1], [0.0, 1.0], 0.5)
    y = distance * up - size[1] * np.select([up > 0.1, up < -0.1], [0.0, 1.0], 0.5)
    return np.stack([x, y], axis=1)


def _cost(boxes: Boxes, taken: Boxes, frame: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) pixels of each box that cover something, and three times those outside of the frame."""
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    outside = area - shared(boxes, frame[None])[:, 0]
    cost: NDArray[np.float64] = np.round(3 * outside + shared(boxes, taken).sum(axis=1), 3)
    return cost


def shared(ours: Boxes, theirs: Boxes) -> NDArray[np.float64]:
    """(N, M) area that each of our boxes has in common with each of theirs."""
    low = np.maximum(ours[:, None, :2], theirs[None, :, :2])
    high = np.minimum(ours[:, None, 2:], theirs[None, :, 2:])
    area: NDArray[np.float64] = np.clip(high - low, 0, None).prod(axis=2)
    return area


def _lead(axes: Axes, point: tuple[float, float], end: NDArray[np.float64], theme: Theme) -> None:
    line = {"arrowstyle": "-", "color": theme.faint, "linewidth": 0.5, "shrinkA": 6, "shrinkB": 3}
    axes.annotate("", point, (float(end[0]), float(end[1])), textcoords="offset points", arrowprops=line, zorder=1)
