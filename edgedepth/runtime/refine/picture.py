"""A picture's patches joined to its refined depth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from edgedepth.runtime.refine.pair import RefinePair
from edgedepth.runtime.refine.tiles import Tiling
from edgedepth.runtime.tiling import Grid, Tile, average_grid, average_random, cut, to_picture
from edgedepth.runtime.tiling.stream import Predict

Map = NDArray[np.float32]


def grid_of(pair: RefinePair, picture: NDArray[np.uint8]) -> Grid:
    """How a picture (H, W, 3) is cut for a pair.

    Raises:
        UsageError: it is too small.
    """
    rows, columns = pair.entry.grid
    return Grid(picture.shape[0], picture.shape[1], rows=rows, columns=columns, patch=pair.patch)


def bands(grid: Grid, tiling: Tiling, predict: Predict, at_once: int) -> Iterator[Map]:
    """Rows of refined depth at the picture's size, from top to bottom; `predict` gives the patches' depth."""
    canvas = average_grid(grid, tiling.passes, predict, at_once)
    random = tiling.random_tiles(grid)
    return average_random(grid, list(canvas), random, predict, at_once) if random else to_picture(canvas, grid)


def refined_depth(pair: RefinePair, picture: NDArray[np.uint8], tiling: Tiling) -> Map:
    """The refined depth of a picture (H, W, 3) that fits into memory; (H, W)."""
    grid, coarse = grid_of(pair, picture), pair.coarse(picture)

    def predict(tiles: Sequence[Tile]) -> list[Map]:
        return pair.refine(coarse, [cut(picture, tile) for tile in tiles], [grid.fractions(tile) for tile in tiles])

    return np.concatenate(list(bands(grid, tiling, predict, pair.batch)))
