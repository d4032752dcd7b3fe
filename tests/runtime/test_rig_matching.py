"""The rig of a run against the rig that a model was exported for."""

from __future__ import annotations

import math

import numpy as np
import pytest
from msgspec.structs import replace
from test_rig_view import pose
from tiny_graphs import entry, weights

from edgedepth.artifact.folder import sha256
from edgedepth.artifact.manifest import Manifest, ModelFacts
from edgedepth.artifact.reading import Artifact
from edgedepth.artifact.rig import Rig, RigCamera, RigMask
from edgedepth.artifact.rig_file import CameraOnDisk, mask_png
from edgedepth.errors import InputError
from edgedepth.runtime.rig.matching import match

SIZE = (30, 40)


def camera(name, heading, cx=19.0):
    where = pose(heading, (1.0, heading / 3, 1.5)).tolist()
    return RigCamera(name, (36.0, 35.0, cx, 14.5), SIZE, tuple(tuple(row) for row in where))


CAMERAS = (camera("front", 0.0), camera("right", -1.0, 23.0), camera("left", 1.0, 16.0))


def artifact(folder, rig=None):
    facts = ModelFacts("tiny", "test", "a tiny graph", {}, 4, {}, "Apache-2.0")
    manifest = Manifest(3, "tiny", facts, weights(), (entry(),), (), {}, rig)
    return Artifact(folder, manifest, manifest.files)


def on_disk(cameras):
    return tuple(CameraOnDisk(one, None, None) for one in cameras)


def matched(cameras, tmp_path, rig=None):
    return match(on_disk(cameras), artifact(tmp_path, rig or Rig(CAMERAS)), "rig.toml")


def refusal(cameras, tmp_path, *words):
    with pytest.raises(InputError) as caught:
        matched(cameras, tmp_path)
    text = str(caught.value)
    assert all(word in text for word in words), text
    assert len(text.splitlines()) == 3


def test_the_same_rig_fits(tmp_path):
    assert matched(CAMERAS, tmp_path) == on_disk(CAMERAS)


def test_any_rig_fits_a_model_that_holds_none(tmp_path):
    assert match(on_disk(CAMERAS[:1]), artifact(tmp_path), "rig.toml") == on_disk(CAMERAS[:1])
    lone = Artifact(tmp_path, None, (entry(),))
    assert match(on_disk(CAMERAS[:2]), lone, "rig.toml") == on_disk(CAMERAS[:2])


def test_small_differences_are_allowed(tmp_path):
    fx, fy, cx, cy = CAMERAS[0].intrinsics
    near = replace(CAMERAS[0], intrinsics=(fx + 0.9, fy, cx, cy - 0.9))
    turned = np.array(pose(math.radians(0.05), (1.0, 0.005, 1.5)))
    near = replace(near, pose=tuple(tuple(row) for row in turned.tolist()))
    assert len(matched((near, *CAMERAS[1:]), tmp_path)) == 3


def test_missing_and_extra_cameras(tmp_path):
    refusal(CAMERAS[:1], tmp_path, "rig.toml lacks cameras left, right", "front, right, left")
    refusal((*CAMERAS, camera("rear", 3.0)), tmp_path, "rig.toml has camera rear too many", "front, right, left")


def test_another_picture_size(tmp_path):
    refusal((replace(CAMERAS[0], size=(60, 80)), *CAMERAS[1:]), tmp_path, "camera front", "80x60", "40x30")


def test_swapped_intrinsics_name_both_cameras(tmp_path):
    front, right, left = CAMERAS
    swapped = replace(right, intrinsics=left.intrinsics), replace(left, intrinsics=right.intrinsics)
    refusal((front, *swapped), tmp_path, "intrinsics of camera right", "are those of camera left: swapped", "23.0")


def test_other_intrinsics(tmp_path):
    wrong = replace(CAMERAS[0], intrinsics=(38.0, 35.0, 19.0, 14.5))
    refusal((wrong, *CAMERAS[1:]), tmp_path, "intrinsics of camera front", "not those of the model's rig", "38.0, 35.0")


def test_swapped_and_other_poses(tmp_path):
    front, right, left = CAMERAS
    swapped = replace(right, pose=left.pose), replace(left, pose=right.pose)
    refusal((front, *swapped), tmp_path, "pose of camera right", "are those of camera left: swapped")
    moved = pose(0.0, (1.02, 0.0, 1.5))
    refusal((replace(front, pose=tuple(map(tuple, moved.tolist()))), right, left), tmp_path, "0.020 m and 0.00 degrees")
    turned = pose(math.radians(0.5), (1.0, 0.0, 1.5))
    refusal(
        (replace(front, pose=tuple(map(tuple, turned.tolist()))), right, left), tmp_path, "0.000 m and 0.50 degrees"
    )


def test_masks_come_from_the_artifact_unless_the_file_has_its_own(tmp_path):
    seen = np.ones(SIZE, bool)
    seen[20:] = False
    mask_png(seen).save(tmp_path / "front.png")
    held = RigMask("front.png", sha256(tmp_path / "front.png"))
    rig = Rig((replace(CAMERAS[0], mask=held), *CAMERAS[1:]))
    front, right, left = matched(CAMERAS, tmp_path, rig)
    np.testing.assert_array_equal(front.seen, seen)
    assert right.seen is left.seen is None
    own = CameraOnDisk(CAMERAS[0], None, ~seen)
    kept = match((own, *on_disk(CAMERAS[1:])), artifact(tmp_path, rig), "rig.toml")[0]
    np.testing.assert_array_equal(kept.seen, ~seen)
