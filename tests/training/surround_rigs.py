"""A small rendered rig on the disk in the layout of the surround sets, and recipes that fit it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from edgedepth.scenes import Camera, Scene
from edgedepth.training.recipe import Augmentation, Distillation, Optimisation, Recipe, Source, Stage, Targets

SIZE = (64, 96)
HEADINGS = {"front": 0.0, "left": 120.0, "right": -120.0}
RING = ("front", "right", "left")
MOMENTS = ("00", "01", "02")


def write_rig(folder: Path) -> None:
    """Three cameras at three moments in one street, with depth at a fifth of the pixels."""
    rng = np.random.default_rng(3)
    scene = Scene.street(4)
    K = np.array([[60.0, 0, 47.5], [0, 60, 31.5], [0, 0, 1]])
    for index, moment in enumerate(MOMENTS):
        (folder / moment).mkdir(parents=True)
        for name, heading in HEADINGS.items():
            cos, sin = np.cos(np.radians(heading)), np.sin(np.radians(heading))
            turn = np.array([[cos, 0, -sin, 0], [0, 1, 0, 0], [sin, 0, cos, 0], [0, 0, 0, 1]])
            frame = scene.render(Camera(K, SIZE[1], SIZE[0]), scene.pose(4.0 * index) @ turn)
            path = folder / moment / name
            Image.fromarray(frame.image).save(f"{path}.png")
            depth = np.where(rng.random(SIZE) < 0.2, frame.depth, 0).astype(np.float32)
            np.savez(f"{path}_depth_sparse.npz", depth=depth)
            np.save(f"{path}_K.npy", K)
            pose = np.eye(4)
            pose[:3, :3] = np.array([[0, 0, 1], [-1, 0, 0], [0, -1, 0]]) @ turn[:3, :3]
            np.save(f"{path}_T_ego_cam.npy", pose)


def rig_recipe(**distillation: object) -> Recipe:
    """Two steps, a moment each, of the smallest student; the last moment is held out."""
    return Recipe(
        model="surround-monodepth2",
        seed=3,
        sources=(Source("rig", hold_out=("02",)),),
        stages=(Stage(2, *SIZE, 1, objective="metric"),),
        optimisation=Optimisation(learning_rate=3e-4, warmup=1),
        targets=Targets(metres_per_unit=1.0, max_depth=200.0, sky_depth=200.0),
        augmentation=Augmentation(),
        distillation=Distillation(**distillation),
        report_every=1,
        save_every=100,
        monitor_every=100,
    )
