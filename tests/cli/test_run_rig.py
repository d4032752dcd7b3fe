"""`edgedepth run --rig` as a user meets it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image

from edgedepth.artifact.folder import sha256
from edgedepth.artifact.manifest import FILE_NAME, Manifest, encode
from edgedepth.artifact.rig import Rig, RigMask
from edgedepth.artifact.rig_file import mask_png, read_rig

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "runtime"))
from rendered_rig import NAMES, render
from tiny_graphs import entry, write_artifact


@pytest.fixture(scope="module")
def rig(once):
    return once("rendered-rig", render) / "rig.toml"


@pytest.fixture(scope="module")
def artifact(tmp_path_factory):
    """A model that gives up to one metre, in both formats, for one picture and for six at a time."""
    told = {"meaning": "metric-depth", "metric": True, "size": (32, 64)}
    files = [entry("tiny.onnx", **told), entry("six.tflite", batch=6, **told)]
    return write_artifact(tmp_path_factory.mktemp("made") / "artifact", files)


@pytest.fixture
def fitted(artifact, rig, tmp_path):
    """The same for this rig, whose front camera has a mask."""
    import shutil

    folder = tmp_path / "fitted"
    shutil.copytree(artifact, folder)
    seen = np.ones((96, 160), bool)
    seen[:48] = False
    mask_png(seen).save(folder / "front.png")
    mask = RigMask("front.png", sha256(folder / "front.png"))
    cameras = [one.camera for one in read_rig(rig)]
    cameras[0] = msgspec.structs.replace(cameras[0], mask=mask)
    manifest = msgspec.json.decode((folder / FILE_NAME).read_bytes(), type=Manifest)
    (folder / FILE_NAME).write_bytes(encode(msgspec.structs.replace(manifest, rig=Rig(tuple(cameras)))))
    return folder


def refused(result, *words):
    assert result.code == 2, result
    assert all(word in result.err for word in words), result.err
    assert not result.out


@pytest.mark.parametrize(
    ("file", "calls"), [("tiny.onnx", "6 calls of batch 1"), ("six.tflite", "one call of batch 6")]
)
def test_a_rig_becomes_a_folder(edgedepth, artifact, rig, tmp_path, file, calls):
    result = edgedepth("run", artifact / file, "--rig", rig, "-o", tmp_path / "out", "--threads", 1)
    assert result.code == 0, result.err
    words = ("for the 6 cameras", calls, "MiB", "points within 50 m", "all pairs", "rear - rear_left", "cloud.ply")
    assert all(word in result.out for word in words), result.out
    made = sorted(str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*.*"))
    assert made == sorted(["birdseye.png", "cloud.ply", "report.json", *(f"depth/{name}.png" for name in NAMES)])


def test_json_is_the_report(edgedepth, artifact, rig, tmp_path):
    result = edgedepth("run", artifact, "--rig", rig, "-o", tmp_path / "out", "--json", "--max-range", 20, "--npy")
    told = json.loads(result.out)
    assert told == json.loads((tmp_path / "out" / "report.json").read_text())
    assert (told["calls"], told["batch"], told["max_range_m"]) == (6, 1, 20.0)
    assert "depth/rear.npy" in told["outputs"]
    assert str(tmp_path) not in result.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("photo.png", "--rig", "rig.toml"), ("SOURCE or --rig", "Both were given")),
        ((), ("SOURCE or --rig", "Neither was given")),
        (("photo.png", "--max-range", "20"), ("--max-range belongs to --rig",)),
        (("--rig", "none.toml"), ("none.toml", "cannot be read as a rig")),
    ],
)
def test_wrong_combinations(edgedepth, artifact, tmp_path, arguments, words):
    refused(edgedepth("run", artifact, *arguments, "-o", tmp_path / "out"), *words)
    assert not list(tmp_path.iterdir())


def test_a_model_up_to_scale(edgedepth, rig, tmp_path):
    folder = write_artifact(tmp_path / "artifact", [entry("tiny.onnx")])
    refused(
        edgedepth("run", folder, "--rig", rig, "-o", tmp_path / "out"),
        "needs depth in metres",
        "one unknown scale",
        "surround-monodepth2",
    )


def test_a_model_for_this_rig_brings_its_masks(edgedepth, fitted, rig, tmp_path):
    result = edgedepth("run", fitted, "--rig", rig, "-o", tmp_path / "out", "--json")
    assert result.code == 0, result.err
    assert [camera["seen"] for camera in json.loads(result.out)["cameras"]] == [0.5, 1, 1, 1, 1, 1]


def test_swapped_intrinsics_and_a_missing_camera_of_a_model_for_this_rig(edgedepth, fitted, rig, tmp_path):
    text = rig.read_text()
    for name in NAMES:
        text = text.replace(f'image = "{name}.png"', f'image = "{rig.parent / name}.png"')
    changed = tmp_path / "changed.toml"
    changed.write_text(text.replace("intrinsics = [87.30468", "intrinsics = [90.0", 1))
    refused(edgedepth("run", fitted, "--rig", changed, "-o", tmp_path / "out"), "intrinsics of camera front", "90.0")
    changed.write_text(text[: text.rindex("[[cameras]]")])
    refused(edgedepth("run", fitted, "--rig", changed, "-o", tmp_path / "out"), "lacks camera front_left")
    assert not (tmp_path / "out").exists()


def test_a_model_for_this_rig_needs_pictures_only(edgedepth, fitted, rig, tmp_path):
    tables = [f'[[cameras]]\nname = "{name}"\nimage = "{rig.parent / name}.png"\n' for name in NAMES]
    (tmp_path / "pictures.toml").write_text("\n".join(tables))
    result = edgedepth("run", fitted, "--rig", tmp_path / "pictures.toml", "-o", tmp_path / "short", "--json")
    assert result.code == 0, result.err
    full = edgedepth("run", fitted, "--rig", rig, "-o", tmp_path / "full", "--json")
    assert full.code == 0
    for name in ("cloud.ply", "birdseye.png"):
        assert (tmp_path / "short" / name).read_bytes() == (tmp_path / "full" / name).read_bytes()


def test_a_picture_of_another_size(edgedepth, artifact, rig, tmp_path):
    text = rig.read_text()
    for name in NAMES[1:]:
        text = text.replace(f'image = "{name}.png"', f'image = "{rig.parent / name}.png"')
    Image.open(rig.parent / "front.png").resize((150, 96)).save(tmp_path / "front.png")
    (tmp_path / "rig.toml").write_text(text)
    refused(
        edgedepth("run", artifact, "--rig", tmp_path / "rig.toml", "-o", tmp_path / "out"),
        "front is 150x96 pixels",
        "front_right is 160x96 pixels",
    )


def test_results_are_replaced_only_with_force(edgedepth, artifact, rig, tmp_path):
    arguments = ("run", artifact, "--rig", rig, "-o", tmp_path / "out")
    assert edgedepth(*arguments).code == 0
    refused(edgedepth(*arguments), "not empty", "--force")
    assert edgedepth(*arguments, "--force").code == 0
    refused(edgedepth("run", artifact, "--rig", rig, "-o", artifact, "--force"), "not the result of a rig")
    assert (artifact / FILE_NAME).is_file()
