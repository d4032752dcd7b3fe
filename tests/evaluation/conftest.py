"""Small real artifacts, and folders of frames on disk."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "runtime"))


@pytest.fixture(scope="session")
def exported(once):
    """A checkpoint of flex-nano with random weights and its ONNX export, 64x96."""

    def make(root):
        from frames_in_memory import EXPORT_SIZE
        from support import network

        from edgedepth.export.pipeline import export
        from edgedepth.export.request import ExportRequest
        from edgedepth.models import card, checkpoint

        root.mkdir()
        weights = root / "random.safetensors"
        checkpoint.save(weights, network("flex-nano"), card("flex-nano"), {}, {})
        request = ExportRequest(
            model="flex-nano", weights=weights, formats=("onnx",), sizes=(EXPORT_SIZE,), check=False
        )
        export(request, root / "artifact")

    return once("evaluated", make)


@pytest.fixture(scope="session")
def rig(tmp_path_factory):
    """A scene of two moments, two metres apart; nobody changes it."""
    from rig_on_disk import write_moment

    root = tmp_path_factory.mktemp("rig") / "scene"
    for moment in range(2):
        write_moment(root / f"{moment:02d}", moment, world=2.0 * moment)
    return root


@pytest.fixture
def frames(tmp_path):
    """A folder of three small frames, with LiDAR and teacher depth."""
    root = tmp_path / "frames"
    for folder in ("left", "lidar_depth", "psmnet_depth_x256"):
        (root / folder).mkdir(parents=True)
    for number, farthest in enumerate((30, 40, 60)):
        depth = np.linspace(farthest, 4, 32)[:, None].repeat(64, 1)
        Image.effect_noise((64, 32), 50).convert("RGB").save(root / "left" / f"{number}.jpg")
        np.savez(root / "lidar_depth" / f"{number}.npz", depth=depth.astype(np.float16))
        Image.fromarray((depth * 256).astype(np.uint16)).save(root / "psmnet_depth_x256" / f"{number}.png")
    np.save(root / "K.npy", np.array([[60.0, 0, 31.5], [0, 60.0, 15.5], [0, 0, 1]]))
    return root
