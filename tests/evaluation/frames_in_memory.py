"""Frames and predictors made in memory, with depths that tests know."""

from __future__ import annotations

import numpy as np

from edgedepth.evaluation.datasets import DepthSample
from edgedepth.runtime.decode import Meaning

EXPORT_SIZE = (64, 96)
"""Of the network that tests of this room export."""

K = np.array([[20.0, 0, 9.5], [0, 20.0, 5.5], [0, 0, 1]])


def ramp(height=12, width=20):
    """Depth that grows upwards from 4 to 40 m."""
    return np.linspace(40, 4, height, dtype=np.float32)[:, None].repeat(width, 1)


def sample(depth, name="a", **more):
    """A frame with that depth and a noise picture."""
    image = np.random.default_rng(0).integers(0, 256, (*depth.shape, 3), np.uint8)
    return DepthSample(name, image, depth, K, **more)


class Frames:
    """A dataset of given samples."""

    title = "made up"
    moments = ()

    def __init__(self, *samples):
        self.samples = {one.name: one for one in samples}
        self.names = tuple(self.samples)

    def read(self, name):
        return self.samples[name]


class Fixed:
    """A predictor that gives the same map for every picture."""

    def __init__(self, depth, title="fixed", quantity="depth", unit="metres"):
        self.map = np.asarray(depth, np.float64)
        self.title, self.meaning, self.facts = title, Meaning(quantity, unit), {"runtime": "NumPy"}

    def depth(self, image, size):
        assert image.shape == (*size, 3)
        assert self.map.shape == size
        return self.map
