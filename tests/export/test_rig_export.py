"""`edgedepth export --rig`: what is refused, what is stored, and what `check` says about it."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image

from edgedepth.artifact import open_artifact, verify_hashes
from edgedepth.artifact.folder import sha256
from edgedepth.artifact.manifest import FILE_NAME, SCHEMA_VERSION, Manifest, decode_manifest, encode
from edgedepth.artifact.rig_file import read_rig
from edgedepth.errors import InputError, UsageError
from edgedepth.export.request import ExportRequest, validate
from edgedepth.export.rig import require_metric, store
from edgedepth.models import card

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "runtime"))
from rendered_rig import NAMES, render

POLYGON = "mask_polygons = [[[0, 80], [159, 80], [159, 95], [0, 95]]]"


@pytest.fixture(scope="module")
def rig(once):
    """The rendered rig; its front camera sees the vehicle's own bonnet."""

    def make(folder):
        render(folder)
        path = folder / "rig.toml"
        path.write_text(path.read_text().replace('image = "front.png"', f'image = "front.png"\n{POLYGON}'))

    return once("rendered-rig-with-bonnet", make) / "rig.toml"


def request(rig, **options):
    return ExportRequest(
        model="surround-monodepth2", random_seed=0, formats=("onnx",), sizes=((64, 96),), rig=rig, **options
    )


@pytest.mark.parametrize("batch", [1, 6])
def test_one_camera_or_all_at_a_time(rig, batch):
    validate(request(rig, batch=batch))


def test_other_batches_are_refused(rig):
    with pytest.raises(UsageError, match="A batch of 4 does not fit the rig") as caught:
        validate(request(rig, batch=4))
    assert "6 cameras" in caught.value.evidence
    assert "--batch 6" in caught.value.remedy


def test_a_rig_that_is_not_there_or_wrong_is_refused_before_anything_is_loaded(rig, tmp_path):
    with pytest.raises(InputError, match="given as --rig"):
        validate(request(tmp_path / "rig.toml"))
    (tmp_path / "rig.toml").write_text(rig.read_text())
    with pytest.raises(InputError, match="picture of camera front is missing"):
        validate(request(tmp_path / "rig.toml"))


def test_a_model_up_to_scale_is_refused():
    require_metric(card("surround-monodepth2"))
    with pytest.raises(UsageError, match="flex-nano cannot serve a rig"):
        require_metric(card("flex-nano"))


def test_what_is_stored_is_the_file_and_equal_bytes(rig, tmp_path):
    stored = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        stored.append(store(rig, tmp_path / name))
    assert encode(stored[0]) == encode(stored[1])
    made = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.*"))
    assert made == [Path("rig/front.png")]
    assert (tmp_path / "one/rig/front.png").read_bytes() == (tmp_path / "two/rig/front.png").read_bytes()
    assert stored[0].names() == NAMES
    front, *others = stored[0].cameras
    assert (front.mask.path, front.mask.sha256) == ("rig/front.png", sha256(tmp_path / "one/rig/front.png"))
    assert all(camera.mask is None for camera in others)
    given = read_rig(rig)
    assert [msgspec.structs.replace(c, mask=None) for c in stored[0].cameras] == [one.camera for one in given]
    with Image.open(tmp_path / "one/rig/front.png") as image:
        assert image.mode == "L"
        np.testing.assert_array_equal(np.asarray(image), np.where(given[0].seen, 255, 0))


@pytest.fixture(scope="module")
def artifact(once, rig):
    from edgedepth.export.pipeline import export

    return once("surround-for-a-rig", lambda path: export(request(rig, check=False), path))


def test_an_artifact_holds_its_rig(artifact, rig):
    manifest = open_artifact(artifact).manifest
    assert manifest.schema_version == SCHEMA_VERSION
    assert manifest.rig.names() == NAMES
    assert list(manifest.masks()) == ["rig/front.png"]
    verify_hashes(open_artifact(artifact))


def test_a_changed_mask_is_found(artifact, tmp_path):
    import shutil

    folder = tmp_path / "changed"
    shutil.copytree(artifact, folder)
    Image.new("L", (160, 96), 255).save(folder / "rig/front.png")
    with pytest.raises(InputError, match=r"front\.png is not the file that was exported"):
        verify_hashes(open_artifact(folder))
    (folder / "rig/front.png").unlink()
    with pytest.raises(InputError, match=r"front\.png is missing"):
        verify_hashes(open_artifact(folder))


def test_a_manifest_of_schema_2_is_read_and_a_mask_outside_is_not(artifact):
    manifest = open_artifact(artifact).manifest
    raw = msgspec.to_builtins(manifest)
    raw["schema_version"] = 2
    del raw["rig"]
    read = decode_manifest(msgspec.json.encode(raw), Path(FILE_NAME))
    assert (read.rig, read.masks()) == (None, {})
    mask = msgspec.structs.replace(manifest.rig.cameras[0].mask, path="../front.png")
    camera = msgspec.structs.replace(manifest.rig.cameras[0], mask=mask)
    outside: Manifest = msgspec.structs.replace(manifest, rig=msgspec.structs.replace(manifest.rig, cameras=(camera,)))
    with pytest.raises(InputError, match="outside its folder"):
        decode_manifest(encode(outside), Path(FILE_NAME))
