"""How well two cameras agree about what both see; it needs no ground truth, and does not replace it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgedepth.artifact.rig import ring_pairs
from edgedepth.runtime.rig.view import View

# Fewer pixels than this are chance, not an overlap.
FEWEST_PIXELS = 100
# A point is hidden where another of the same camera falls into the same cell of the other picture, this much nearer.
CELL = 2
HIDDEN = 1.25
WITHIN = 1.25

Ratios = NDArray[np.float32]


@dataclass(frozen=True)
class Agreement:
    """Two neighbours, or all.

    Attributes:
        cameras: names; empty for all pairs together.
        pixels: how many were compared, in both directions.
        median: of ``|ratio - 1|``, the ratio being depth that the other camera gives over depth expected there; None
            without overlap.
        within: share of pixels whose ratio lies between 1/1.25 and 1.25; None without overlap.
    """

    cameras: tuple[str, ...]
    pixels: int
    median: float | None
    within: float | None


def agreements(views: Sequence[View]) -> tuple[list[Agreement], Agreement]:
    """Each pair of neighbours in the ring, and all their pixels together.

    Args:
        views: in ring order.
    """
    pairs, everything = [], []
    for i, j in ring_pairs(len(views)):
        one, other = views[i], views[j]
        found = np.concatenate([ratios(one, other), ratios(other, one)])
        pairs.append(_agreement((one.name, other.name), found))
        if pairs[-1].median is not None:
            everything.append(found)
    return pairs, _agreement((), np.concatenate(everything) if everything else np.empty(0, np.float32))


def ratios(one: View, other: View) -> Ratios:
    """Depth that `other` gives over the depth that points of `one` have in its picture.

    A point counts where it falls on a pixel of `other` that has depth of the world; flying pixels of either view do
    not count. Nor does a point that is hidden: `CELL` x `CELL` pixels of `other` hold another point of `one` that is
    nearer by more than a factor of `HIDDEN`. What `other` alone sees in front of a point cannot be told from a
    disagreement, and counts as one.

    Returns:
        (N,) float32.
    """
    index, expected = other.project(one.points)
    usable = other.solid.reshape(-1)[index]
    index, expected = index[usable], expected[usable]
    seen_first = ~_hidden(index, expected, other.depth.shape)
    found: Ratios = other.depth.reshape(-1)[index[seen_first]] / expected[seen_first]
    return found


def _hidden(index: NDArray[np.intp], depth: Ratios, size: tuple[int, ...]) -> NDArray[np.bool_]:
    rows, columns = np.divmod(index, size[1])
    across = -(-size[1] // CELL)
    cell = rows // CELL * across + columns // CELL
    nearest = np.full(across * -(-size[0] // CELL), np.inf, np.float32)
    np.minimum.at(nearest, cell, depth)
    hidden: NDArray[np.bool_] = depth > np.float32(HIDDEN) * nearest[cell]
    return hidden


def _agreement(cameras: tuple[str, ...], found: Ratios) -> Agreement:
    if len(found) < FEWEST_PIXELS:
        return Agreement(cameras, len(found), None, None)
    within = np.count_nonzero((found < WITHIN) & (found > 1 / WITHIN))
    return Agreement(cameras, len(found), float(np.median(np.abs(found - 1))), int(within) / len(found))
