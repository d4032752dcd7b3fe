"""A tiny dataset of made-up frames in the layout of the real ones, and a recipe small enough for seconds."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from edgedepth.training.recipe import Augmentation, Optimisation, Recipe, Source, Stage

SIZE = (64, 96)
NAMES = ("00", "01", "02", "03")


@pytest.fixture
def data(tmp_path):
    """Four frames with LiDAR, teacher and right view in ``street/``."""
    rng = np.random.default_rng(5)
    root = tmp_path / "data" / "street"
    for folder in ("left", "right", "lidar_depth", "psmnet_depth_x256"):
        (root / folder).mkdir(parents=True)
    ramp = np.linspace(30, 4, SIZE[0])[:, None].repeat(SIZE[1], 1)
    for name in NAMES:
        depth = ramp * rng.uniform(0.8, 1.2)
        picture = np.clip(255 / depth[..., None] * 3 + rng.normal(0, 9, (*SIZE, 3)), 0, 255).astype(np.uint8)
        for side in ("left", "right"):
            Image.fromarray(picture).save(root / side / f"{name}.jpg")
        lidar = np.where(rng.random(SIZE) < 0.2, depth, 0).astype(np.float16)
        np.savez(root / "lidar_depth" / f"{name}.npz", depth=lidar)
        Image.fromarray((depth * 256).astype(np.uint16)).save(root / "psmnet_depth_x256" / f"{name}.png")
    np.save(root / "K.npy", np.array([[55.0, 0, 47], [0, 55, 31], [0, 0, 1]]))
    (root / "calib.json").write_text(json.dumps({"baseline_m": 0.5}))
    return tmp_path / "data"


@pytest.fixture
def recipe():
    """Six steps in two stages on three of the four frames."""
    return Recipe(
        model="flex-nano",
        seed=3,
        sources=(Source("street", hold_out=("03",), right_view=True),),
        stages=(Stage(3, 32, 64, 2), Stage(3, 64, 96, 2)),
        config={"offset_limits": [0.25, 0.25, 0.25, 0.25]},
        optimisation=Optimisation(warmup=2),
        augmentation=Augmentation(),
        report_every=1,
        save_every=2,
        monitor_every=6,
    )
