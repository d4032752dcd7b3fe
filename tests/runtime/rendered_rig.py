"""A six-camera rig in a rendered street, by the example that the documentation names, and a session that knows it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
from tiny_graphs import entry, weights

from edgedepth.artifact.rig_file import read_rig
from edgedepth.runtime.predictor import DepthPredictor

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "rendered_rig.py"
SIZE = (96, 160)
NAMES = ("front", "front_right", "rear_right", "rear", "rear_left", "front_left")


def render(folder, *options, size=SIZE):
    """Run the example."""
    command = [sys.executable, EXAMPLE, folder, "--size", f"{size[0]}x{size[1]}", *map(str, options)]
    subprocess.run(command, check=True, capture_output=True, text=True)


class KnowingSession:
    """In the place of an opened graph: gives depth maps that are known, in the order of the cameras.

    Args:
        maps: (H, W) float32 metres each.
        batch: maps per call.
    """

    def __init__(self, maps, batch):
        self.batch, self.threads, self.runtime = batch, 1, "none"
        self.entry = entry("tiny.onnx", meaning="metric-depth", metric=True, batch=batch, size=maps[0].shape)
        self._maps, self.calls = list(maps), 0

    def maps(self, batch):
        """The next maps; one that is left alone is repeated, as its picture is."""
        assert batch.shape == self.entry.input.tensor.shape
        first = self.calls * self.batch
        self.calls += 1
        found = self._maps[first : first + self.batch]
        return np.stack([*found, *[found[-1]] * (self.batch - len(found))])


def knowing_predictor(maps, batch=1, kind="shipped"):
    """A predictor around such a session."""
    return DepthPredictor(KnowingSession(maps, batch), weights(kind))


def exact(folder):
    """The cameras of a rendered rig, and the depth of each."""
    cameras = read_rig(folder / "rig.toml")
    return cameras, [np.load(folder / f"{one.camera.name}_depth.npy") for one in cameras]
