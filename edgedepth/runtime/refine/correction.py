"""What a refiner's output is to the coarse depth: something to add to it, or to its logarithm."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from edgedepth.artifact.manifest import RefinerEntry
from edgedepth.errors import InputError

Map = NDArray[np.float32]


class Correction(ABC):
    """A kind of correction; maps have any shape."""

    @abstractmethod
    def added_to(self, depth: Map) -> Map:
        """Depth as what corrections are added to."""

    @abstractmethod
    def origin(self, values: Map) -> np.float32:
        """What the refiner sees a whole picture's `added_to` less of."""

    @abstractmethod
    def depth(self, values: Map) -> Map:
        """Back from that, corrected, to depth."""


class Factor(Correction):
    """Added to log depth; the refiner sees that less its mean over the picture."""

    def added_to(self, depth: Map) -> Map:
        """Its logarithm."""
        return np.log(depth)

    def origin(self, values: Map) -> np.float32:
        """The mean."""
        return np.float32(values.mean(dtype=np.float64))

    def depth(self, values: Map) -> Map:
        """The exponential."""
        return np.exp(values)


class Offset(Correction):
    """Added to depth as it is, of which nothing below `least` is left.

    Args:
        least: in the coarse depth's unit.
    """

    def __init__(self, least: float) -> None:
        self.least = np.float32(least)

    def added_to(self, depth: Map) -> Map:
        """Itself."""
        return depth

    def origin(self, values: Map) -> np.float32:  # noqa: ARG002 - the same for all
        """Nothing."""
        return np.float32(0)

    def depth(self, values: Map) -> Map:
        """No less than the least."""
        return np.maximum(values, self.least)


def correction_of(entry: RefinerEntry) -> Correction:
    """The kind that a manifest states.

    Raises:
        InputError: one that is not known, or without its number.
    """
    output = entry.graph.output
    stated = (output.meaning, entry.view)
    if stated == ("log-depth-correction", "relative-log-depth"):
        return Factor()
    if stated == ("depth-correction", "depth") and "least_depth" in output.constants:
        return Offset(output.constants["least_depth"])
    raise InputError(
        f"{entry.graph.path} corrects depth in a way that is not known.",
        f"It is fed {entry.view} and gives {output.meaning}: {output.decode} with {dict(output.constants)}.",
        "Export the model again.",
    )
