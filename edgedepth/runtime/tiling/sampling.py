"""Bilinear and nearest samples of maps at the places that tiling needs. Maps are (..., H, W)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.float64]
"""Along one side, in pixels: 0 is the middle of the first."""


def cell_centres(start: float, stop: float, cells: int) -> Places:
    """Middles of equal cells between two edges, which are in pixels from the map's own edge."""
    return np.asarray(start + (np.arange(cells) + 0.5) * ((stop - start) / cells) - 0.5, np.float64)


def aligned_corners(length: int, cells: int) -> Places:
    """Places whose first and last are the middles of a side's first and last pixels."""
    return np.asarray(np.arange(cells) * ((length - 1) / max(cells - 1, 1)), np.float64)


def bilinear(maps: NDArray[Any], rows: Places, columns: Places) -> NDArray[np.float32]:
    """Samples at every crossing of rows and columns; outside, the outermost pixels go on.

    Returns:
        (..., len(rows), len(columns)).
    """
    return _between(_between(maps, rows, -2), columns, -1)


def nearest(maps: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Resized to (height, width), each pixel a copy of the one that its upper left corner lies in."""
    rows, columns = (nearest_places(n, cells) for n, cells in zip(maps.shape[-2:], size, strict=True))
    return maps[..., rows[:, None], columns]


def nearest_places(length: int, cells: int) -> NDArray[np.intp]:
    """The pixels, along one side, that `nearest` copies to each of `cells`."""
    # In float32, as frameworks compute it: where a corner falls on an edge, rounding decides.
    corners = np.arange(cells, dtype=np.float32) * (np.float32(length) / np.float32(cells))
    return np.asarray(np.minimum(np.floor(corners), length - 1), np.intp)


def sample_box(
    maps: NDArray[Any], box: tuple[float, float, float, float], size: tuple[int, int]
) -> NDArray[np.float32]:
    """A box of a map, one bilinear sample in the middle of each of `size` cells.

    This is RoI alignment for a box of at most as many pixels as it has cells, per side.

    Args:
        maps: (..., H, W).
        box: left, top, right and bottom as fractions of the map; past 1, its last pixels go on.
        size: (h, w).

    Returns:
        (..., h, w).
    """
    height, width = maps.shape[-2:]
    left, top, right, bottom = box
    rows = cell_centres(top * height, bottom * height, size[0])
    return bilinear(maps, rows, cell_centres(left * width, right * width, size[1]))


def _between(maps: NDArray[Any], places: Places, axis: int) -> NDArray[np.float32]:
    last = maps.shape[axis] - 1
    places = np.clip(places, 0, last)
    low = np.minimum(places.astype(np.intp), max(last - 1, 0))
    share = (places - low).astype(np.float32)
    if axis == -2:
        share = share[:, None]
    before, after = maps.take(low, axis), maps.take(np.minimum(low + 1, last), axis)
    return np.asarray(before + (after - before) * share, np.float32)
