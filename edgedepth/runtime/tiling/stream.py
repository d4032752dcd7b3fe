"""A picture's patches to one map, from top to bottom, in memory that does not grow with the picture's height."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgedepth.runtime.tiling.average import Rows, RunningAverage
from edgedepth.runtime.tiling.plan import Grid, Passes, Tile, grouped
from edgedepth.runtime.tiling.sampling import (
    aligned_corners,
    bilinear,
    cell_centres,
    nearest,
    nearest_places,
)
from edgedepth.runtime.tiling.window import border_window

Predict = Callable[[Sequence[Tile]], Sequence[NDArray[Any]]]
"""From tiles to their predictions, (h, w) each at the grid's `patch` size."""
LEAST_RANDOM_WEIGHT = 1e-3
"""Added to a random patch's weights, so that it counts at its rim too."""


def cut(picture: NDArray[Any], tile: Tile) -> NDArray[Any]:
    """A tile's pixels; past the picture's right and bottom, its last ones go on.

    Args:
        picture: (H, W, ...).
        tile: of a grid for that picture.

    Returns:
        (h, w, ...): a view where no pixel had to be added.
    """
    left, top, right, bottom = tile.box
    part = picture[top:bottom, left:right]
    missing = (bottom - top - part.shape[0], right - left - part.shape[1])
    if missing == (0, 0):
        return part
    return np.pad(part, [(0, missing[0]), (0, missing[1])] + [(0, 0)] * (picture.ndim - 2), mode="edge")


def average_grid(grid: Grid, passes: Passes, predict: Predict, at_once: int = 1) -> Iterator[Rows]:
    """The canvas of a picture's patches: PatchRefiner's modes m1 and m2.

    Args:
        grid: of the picture.
        passes: which patches.
        predict: is called for `at_once` tiles at a time.
        at_once: see `patches_at_once`.

    Yields:
        the canvas from top to bottom.
    """
    window = border_window(grid.patch)
    average = RunningAverage(*grid.canvas, reach=grid.patch[0])
    for tile, values in _predicted(grid.tiles(passes), predict, at_once):
        if tile.top > average.row:
            yield average.finish(tile.top)
        average.add(values, window, tile.top, tile.left, fills=tile.first)
    yield average.finish(grid.canvas[0])


def to_picture(canvas: Iterable[Rows], grid: Grid) -> Iterator[NDArray[np.float32]]:
    """The canvas at the picture's own size, bilinear, without what the grid has added.

    Yields:
        (n, width) from top to bottom, `height` rows in all.
    """
    rows = cell_centres(0, grid.canvas[0], grid.extended[0])[: grid.height]
    columns = cell_centres(0, grid.canvas[1], grid.extended[1])[: grid.width]
    held = np.zeros((0, grid.canvas[1]), np.float32)
    top = done = 0
    for band in canvas:
        held = np.concatenate([held, band.values])
        bottom = top + len(held)
        ready = grid.height if bottom == grid.canvas[0] else int(np.searchsorted(rows, bottom - 1))
        if ready > done:
            yield bilinear(held, rows[done:ready] - top, columns)
            done = ready
        if done < grid.height:
            drop = min(len(held), max(0, int(rows[done]) - top))
            held, top = held[drop:], top + drop


def average_random(
    grid: Grid, base: Sequence[Rows], tiles: Sequence[Tile], predict: Predict, at_once: int = 1
) -> Iterator[NDArray[np.float32]]:
    """A finished canvas at the picture's size, and random patches blended in: PatchRefiner's modes rN.

    As published, values are resized by nearest neighbour and sums of weights bilinearly, corners aligned.

    Args:
        grid: of the picture.
        base: the whole canvas, as `average_grid` gives it.
        tiles: `random_tiles` of the grid.
        predict, at_once: as for `average_grid`.

    Yields:
        (n, width) from top to bottom, `height` rows in all.
    """
    average = RunningAverage(*grid.extended, reach=grid.cut[0])
    window = border_window(grid.cut) + np.float32(LEAST_RANDOM_WEIGHT)
    resized = _Resized(base, grid.extended)

    def finish(until: int) -> Iterator[NDArray[np.float32]]:
        while average.row < until:
            done = average.finish(min(until, resized.row))
            inside = done.values[: max(0, grid.height - done.top), : grid.width]
            if len(inside):
                yield inside
            resized.add_to(average, min(grid.extended[0], average.row + grid.cut[0]))

    resized.add_to(average, grid.cut[0])
    for tile, patch in _predicted(tiles, predict, at_once):
        yield from finish(tile.top)
        average.add(nearest(patch, grid.cut), window, tile.top, tile.left)
    yield from finish(grid.extended[0])


class _Resized:
    """A finished canvas at another size, given to an average row by row.

    Attributes:
        row: the first that has not been given.
    """

    def __init__(self, canvas: Sequence[Rows], size: tuple[int, int]) -> None:
        self._values = np.concatenate([rows.values for rows in canvas])
        self._weights = np.concatenate([rows.weights for rows in canvas])
        height, width = self._values.shape
        self._from = np.ix_(nearest_places(height, size[0]), nearest_places(width, size[1]))
        self._at = aligned_corners(height, size[0]), aligned_corners(width, size[1])
        self.row = 0

    def add_to(self, average: RunningAverage, until: int) -> None:
        """Add the rows before `until`, as a first pass."""
        if until <= self.row:
            return
        there = slice(self.row, until)
        values = self._values[self._from[0][there], self._from[1]]
        weights = bilinear(self._weights, self._at[0][there], self._at[1])
        average.add(values, weights, self.row, 0, fills=True)
        self.row = until


def _predicted(tiles: Sequence[Tile], predict: Predict, at_once: int) -> Iterator[tuple[Tile, NDArray[Any]]]:
    for group in grouped(tiles, at_once):
        yield from zip(group, predict(group), strict=True)
