"""A tiny dataset of made-up frames in the layout of the real ones, and a recipe small enough for seconds."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from surround_rigs import write_rig

from edgedepth.models import build, card, checkpoint, initialise
from edgedepth.scenes import Camera, Scene
from edgedepth.training.recipe import Augmentation, Optimisation, Recipe, Source, Stage
from edgedepth.training.recipe_file import find_recipe, read_recipe

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


DRIVE_SIZE = (64, 192)
BASELINE = 0.5


def write_drive(folder, frames=6, size=DRIVE_SIZE):
    """A rendered street with traffic: a stereo sequence with exact depth, poses and masks of what moves."""
    camera = Camera.kitti_like(*size)
    scene = Scene.street(11, moving=True)
    shift = np.eye(4)
    shift[0, 3] = BASELINE
    for kind in ("left", "right", "depth", "moving"):
        (folder / kind).mkdir(parents=True)
    poses = []
    for index in range(frames):
        time = index / 10
        pose = scene.pose(9 * time, time)
        left, right = scene.render(camera, pose, time), scene.render(camera, pose @ shift, time)
        Image.fromarray(left.image).save(folder / "left" / f"{index}.png")
        Image.fromarray(right.image).save(folder / "right" / f"{index}.png")
        np.save(folder / "depth" / f"{index}.npy", left.depth)
        Image.fromarray((left.moving * 255).astype(np.uint8)).save(folder / "moving" / f"{index}.png")
        poses.append(pose[:3].ravel())
    np.savetxt(folder / "poses.txt", poses)
    np.save(folder / "K.npy", camera.K)
    (folder / "dataset.toml").write_text(
        f"""
title = "rendered drive"
licence = "CC0"
images = "left/*.png"
intrinsics_file = "K.npy"
sequence = true
right = "right/{{name}}.png"
baseline = {BASELINE}
poses = "poses.txt"
moving = "moving/{{name}}.png"

[depth]
files = "depth/{{name}}.npy"
format = "npy"
dense = true
"""
    )


@pytest.fixture(scope="session")
def drive(tmp_path_factory):
    """A data folder with the rendered sequence ``drive/``."""
    root = tmp_path_factory.mktemp("rendered")
    write_drive(root / "drive")
    return root


@pytest.fixture
def stages():
    """The recipe that ships for flex-nano, cut to two steps of each stage on the rendered sequence."""
    return replace(
        read_recipe(find_recipe("flex-nano-selfsupervised")),
        sources=(Source("drive", hold_out=("5",), step=1, stereo=True),),
        stages=(
            Stage(2, *DRIVE_SIZE, 2, objective="photometric"),
            Stage(2, *DRIVE_SIZE, 2, objective="masked"),
        ),
        report_every=1,
        save_every=100,
        monitor_every=100,
    )


@pytest.fixture
def one_thread():
    """One thread for every bit: sums have one order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def rig(tmp_path_factory):
    """A data folder with ``rig/``, three cameras at three moments, and ``teacher.safetensors``, a student's weights."""
    root = tmp_path_factory.mktemp("surround")
    write_rig(root / "rig")
    base = card("surround-monodepth2")
    checkpoint.save(root / "teacher.safetensors", initialise(build(base), 7), base, {}, {})
    return root
