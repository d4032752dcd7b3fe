"""Pictures that tests make themselves, and where real ones are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tiny_pair

from edgedepth.runtime.refine import open_pair

REAL = Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.fixture
def picture():
    """(45, 70, 3) uint8: a smooth ramp in each channel, different in each, with a little noise."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[0:45, 0:70]
    ramps = np.stack([y * 5, x * 3, (x + y) * 2], axis=-1)
    return np.clip(ramps + rng.integers(0, 20, ramps.shape), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A pair of graphs of known formulas, `tiny_pair`'s."""
    return tiny_pair.artifact(tmp_path_factory.mktemp("pair") / "artifact")


@pytest.fixture(scope="module")
def pair(folder):
    """That pair, opened."""
    return open_pair(folder)


@pytest.fixture(scope="session")
def real_data():
    """The folder of real pictures."""
    if not REAL.is_dir():
        pytest.skip(f"no real pictures beside the repository at ../{REAL.parent.name}/{REAL.name}")
    return REAL
