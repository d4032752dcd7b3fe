"""Readers: on folders made here, and on the real ones where they lie beside the repository."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgedepth.errors import InputError
from edgedepth.evaluation.datasets import open_dataset
from edgedepth.evaluation.datasets.kitti2015 import FOCAL_BASELINE

DATA = Path(__file__).parents[3] / "shared" / "data"


def real(folder):
    if not (DATA / folder).is_dir():
        pytest.skip(f"no {folder} beside the repository")
    return open_dataset(DATA / folder)


def save_uint16(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((values * 256).astype(np.uint16)).save(path)


def save_rgb(path, size=(6, 10)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((*size, 3), 90, np.uint8)).save(path)


@pytest.fixture
def kitti2015(tmp_path):
    save_rgb(tmp_path / "left" / "000001.png")
    save_uint16(tmp_path / "disp_gt" / "000001.png", np.eye(6, 10) * 40)
    np.save(tmp_path / "K.npy", np.eye(3))
    return tmp_path


@pytest.fixture
def frames(tmp_path):
    save_rgb(tmp_path / "left" / "7.jpg")
    save_rgb(tmp_path / "right" / "7.jpg")
    save_uint16(tmp_path / "psmnet_depth_x256" / "7.png", np.full((6, 10), 12.5))
    (tmp_path / "lidar_depth").mkdir()
    np.savez(tmp_path / "lidar_depth" / "7.npz", depth=np.eye(6, 10, dtype=np.float16) * 9)
    np.save(tmp_path / "K.npy", np.eye(3))
    (tmp_path / "calib.json").write_text(json.dumps({"baseline_m": 0.5}))
    return tmp_path


def test_kitti2015_depth_from_disparity(kitti2015):
    dataset = open_dataset(kitti2015)
    sample = dataset.read("000001")
    assert dataset.names == ("000001",)
    assert sample.image.shape == (6, 10, 3)
    assert sample.depth.dtype == np.float32
    np.testing.assert_allclose(sample.depth, np.eye(6, 10) * FOCAL_BASELINE / 40, rtol=1e-6)


def test_frames_with_teacher_and_right_view(frames):
    sample = open_dataset(frames).read("7")
    np.testing.assert_array_equal(sample.depth, np.eye(6, 10) * 9)
    np.testing.assert_array_equal(sample.teacher, 12.5)
    assert sample.right.shape == (6, 10, 3)
    assert sample.baseline == 0.5


def test_unknown_folders_are_refused(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        open_dataset(tmp_path / "absent")
    (tmp_path / "left").mkdir()
    with pytest.raises(InputError, match=r"holds left[\s\S]*kitti2015"):
        open_dataset(tmp_path)


def test_damaged_files_are_named(kitti2015):
    (kitti2015 / "left" / "000001.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"000001\.png cannot be read as an image"):
        open_dataset(kitti2015).read("000001")
    save_rgb(kitti2015 / "disp_gt" / "000001.png")
    with pytest.raises(InputError, match="16-bit"):
        open_dataset(kitti2015).read("000001")
    (kitti2015 / "K.npy").write_bytes(b"")
    with pytest.raises(InputError, match=r"K\.npy cannot be read"):
        open_dataset(kitti2015)


def test_maps_of_another_size_are_named(frames):
    save_rgb(frames / "right" / "7.jpg", (4, 10))
    with pytest.raises(InputError, match=r"right view has the size \(4, 10\)"):
        open_dataset(frames).read("7")


def test_a_calibration_without_baseline_is_named(frames):
    (frames / "calib.json").write_text("{}")
    with pytest.raises(InputError, match=r"calib\.json"):
        open_dataset(frames)


def test_real_kitti2015_agrees_with_its_lidar():
    dataset = real("kitti2015_dev")
    assert len(dataset.names) == 8
    sample = dataset.read(dataset.names[0])
    lidar = np.load(DATA / "kitti2015_dev" / "lidar_depth" / f"{dataset.names[0]}.npz")["depth"]
    both = (lidar > 0) & (sample.depth > 0)
    relative = np.abs(lidar[both] - sample.depth[both]) / lidar[both]
    assert sample.image.shape == (375, 1242, 3)
    assert np.median(relative) < 0.02


@pytest.mark.parametrize(("folder", "count"), [("kitti2015_stereo_640x192", 84), ("kitti_sfnd_640x192", 78)])
def test_real_frames(folder, count):
    dataset = real(f"video/{folder}")
    assert len(dataset.names) == count
    sample = dataset.read(dataset.names[0])
    assert sample.image.shape == (192, 640, 3)
    assert 0.05 < np.mean(sample.depth > 0) < 0.3
    assert sample.depth.max() <= 80
    if sample.teacher is not None:
        both = (sample.depth > 0) & (sample.teacher > 0)
        relative = np.abs(sample.teacher[both] - sample.depth[both]) / sample.depth[both]
        assert np.median(relative) < 0.05
