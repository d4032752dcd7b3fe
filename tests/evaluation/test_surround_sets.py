"""Rigs: a made one with everything that may be wrong with it, and the real samples."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rig_on_disk import CAMERAS, RING, SIZE, intrinsics, points, pose, project, write_moment

from edgedepth.errors import InputError
from edgedepth.evaluation.datasets import open_dataset
from edgedepth.evaluation.datasets.base import read_array
from edgedepth.evaluation.datasets.surround_checks import require_agreement

DATA = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture
def scene(rig, tmp_path):
    """Two moments, two metres apart, to be changed."""
    return shutil.copytree(rig, tmp_path / "scene")


def test_a_scene_has_moments_in_ring_order_and_frames_by_name(scene):
    found = open_dataset(scene)
    assert found.title == "scene"
    assert found.licence == ""
    assert found.moments == tuple(tuple(f"{moment}/{camera}" for camera in RING) for moment in ("00", "01"))
    assert found.names == tuple(sorted(name for moment in found.moments for name in moment))
    assert found.neighbours("00/rear") == (None, "01/rear")
    assert found.neighbours("01/rear") == ("00/rear", None)
    assert found.neighbours("01/rear", 2) == (None, None)


@pytest.mark.parametrize("camera", CAMERAS)
def test_a_frame_is_what_was_written(scene, camera):
    sample = open_dataset(scene).read(f"01/{camera}")
    assert (sample.name, sample.camera) == (f"01/{camera}", camera)
    assert sample.image.shape == (*SIZE, 3)
    np.testing.assert_array_equal(sample.depth, project(points(1), camera)[0])
    np.testing.assert_array_equal(sample.intrinsics, intrinsics(camera))
    np.testing.assert_array_equal(sample.rig_pose, pose(camera))
    np.testing.assert_array_equal(sample.pose[:3, 3], pose(camera)[:3, 3] + [2, 0, 0])
    assert sample.seen is None


def test_a_moment_and_the_folder_around_a_scene_open_as_well(scene):
    one = open_dataset(scene / "01")
    assert one.moments == (RING,)
    assert one.read("left").camera == "left"
    assert open_dataset(scene.parent).names == open_dataset(scene).names
    shutil.copytree(scene, scene.parent / "scene_2")
    with pytest.raises(InputError, match=r"several scenes\.\nThey are scene, scene_2\.\nName one"):
        open_dataset(scene.parent)


def test_without_world_poses_nothing_follows(tmp_path):
    for moment in "ab":
        write_moment(tmp_path / moment)
    found = open_dataset(tmp_path)
    assert found.neighbours("a/left") == (None, None)
    assert found.read("a/left").pose is None


def test_without_lidar_points_it_reads_as_well(scene):
    (scene / "00" / "lidar.npz").unlink()
    np.save(scene / "00" / "left_K.npy", intrinsics("front"))
    np.testing.assert_array_equal(open_dataset(scene).read("00/left").intrinsics, intrinsics("front"))


@pytest.mark.parametrize("suffix", [".jpg", "_K.npy", "_T_ego_cam.npy", "_depth_sparse.npz"])
def test_a_camera_that_is_not_complete_is_named_with_its_file(scene, suffix):
    (scene / "01" / f"left{suffix}").unlink()
    with pytest.raises(InputError, match=rf"Camera left of scene [\s\S]*01/left lacks .*left{suffix}"):
        open_dataset(scene)


def test_a_camera_that_is_gone_is_named(scene):
    for path in (scene / "01").glob("left*"):
        path.unlink()
    with pytest.raises(InputError, match=r"Camera left of scene is missing[\s\S]*01/left lacks"):
        open_dataset(scene)


def test_known_vehicles_must_have_all_their_cameras(tmp_path):
    names = dict(zip(CAMERAS, ("CAM_BACK", "CAM_FRONT_RIGHT", "CAM_FRONT", "CAM_FRONT_LEFT"), strict=True))
    write_moment(tmp_path, rename=names.get)
    with pytest.raises(InputError, match=r"Camera CAM_BACK_LEFT of nuScenes is missing[\s\S]*only files of CAM_BACK, "):
        open_dataset(tmp_path)


def test_other_pictures_are_no_cameras(scene):
    Image.new("RGB", (5, 5)).save(scene / "00" / "preview.jpg")
    assert open_dataset(scene).moments[0] == tuple(f"00/{camera}" for camera in RING)


def test_pictures_of_different_sizes_are_refused(scene):
    Image.new("RGB", (32, 24)).save(scene / "01" / "rear.jpg")
    with pytest.raises(InputError, match=r"different sizes\.\n00/front 64x48, 01/rear 32x24\."):
        open_dataset(scene)


def test_depth_of_another_size_is_refused(scene):
    np.savez(scene / "01" / "rear_depth_sparse.npz", depth=np.ones((24, 32), np.float32))
    with pytest.raises(InputError, match=r"depth has the size \(24, 32\), the picture \(48, 64\)"):
        open_dataset(scene).read("01/rear")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (np.eye(4), r"K has the shape \(4, 4\)"),
        (intrinsics("left").T, "no pinhole matrix"),
        (intrinsics("front"), "calibration of camera left is not that of its depth"),
    ],
)
def test_wrong_intrinsics_are_refused(scene, wrong, words):
    np.save(scene / "00" / "left_K.npy", wrong)
    with pytest.raises(InputError, match=words):
        open_dataset(scene).read("00/left")


def test_exchanged_centres_are_refused(scene):
    K = intrinsics("left")
    K[0, 2], K[1, 2] = 22.5, 40.0
    np.save(scene / "00" / "left_K.npy", K)
    with pytest.raises(InputError, match=r"principal point \(22\.5, 40\.0\) is far"):
        open_dataset(scene).read("00/left")


def test_exchanged_poses_are_refused(scene):
    first, second = scene / "00" / "left_T_ego_cam.npy", scene / "00" / "rear_T_ego_cam.npy"
    held = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(held)
    found = open_dataset(scene)
    with pytest.raises(InputError, match=r"do not agree on where the vehicle is[\s\S]*turned by 90 degrees"):
        found.read("00/front")


@pytest.mark.parametrize("motion", [np.eye(3), np.eye(4) * 2, np.diag([1.0, 1, -1, 1]), np.full((4, 4), np.nan)])
def test_poses_that_are_no_motion_are_refused(scene, motion):
    np.save(scene / "00" / "front_T_ego_cam.npy", motion)
    with pytest.raises(InputError, match=r"front_T_ego_cam\.npy cannot be read as a 4x4 motion"):
        open_dataset(scene)


@pytest.mark.parametrize("suffix", [".jpg", "_K.npy", "_T_ego_cam.npy", "_depth_sparse.npz", "_T_cam_lidar.npy"])
def test_damaged_files_are_named(scene, suffix):
    (scene / "00" / f"right{suffix}").write_bytes(b"\x00damage")
    with pytest.raises(InputError, match=rf"right{suffix} cannot be read as"):
        open_dataset(scene).read("00/right")


def test_damaged_points_are_named(scene):
    np.savez(scene / "00" / "lidar.npz", points=np.zeros(7))
    with pytest.raises(InputError, match=r"LiDAR points of frame 00/left[\s\S]*\(7,\)"):
        open_dataset(scene).read("00/left")


def test_depth_that_is_no_number_is_named(scene):
    depth = project(points(0), "left")[0]
    depth[3, 3] = np.nan
    np.savez(scene / "00" / "left_depth_sparse.npz", depth=depth)
    with pytest.raises(InputError, match=r"left_depth_sparse\.npz holds depth that is not a number"):
        open_dataset(scene).read("00/left")


def real(folder):
    if not (DATA / folder).is_dir():
        pytest.skip(f"no {folder} beside the repository")
    return open_dataset(DATA / folder)


REAL = {
    "ddad_surround/scene_02": ("DDAD", (1216, 1936), ("CAMERA_01", "CAMERA_06", "CAMERA_08", "CAMERA_09"), 3),
    "nuscenes_surround/mmdet3d_sample": (
        "nuScenes",
        (900, 1600),
        ("CAM_FRONT", "CAM_FRONT_RIGHT", "CAM_BACK_RIGHT", "CAM_BACK"),
        1,
    ),
}


@pytest.mark.parametrize("folder", REAL)
def test_real_samples_ring_clockwise_and_agree_with_their_lidar(folder):
    title, size, clockwise, moments = REAL[folder]
    found = real(folder)
    assert found.title == title
    assert "BY-NC-SA" in found.licence
    assert len(found.moments) == moments
    first = found.moments[0]
    assert tuple(name.rpartition("/")[2] for name in first[:4]) == clockwise
    assert len(found.names) == 6 * moments
    for name in first:  # reading checks each against the LiDAR points
        sample = found.read(name)
        assert sample.depth.shape == size
        assert 3000 < (sample.depth > 0).sum() < 13000
        assert (sample.pose is None) == (title == "nuScenes")


def test_real_parents_hold_one_scene_each():
    assert real("ddad_surround").names == real("ddad_surround/scene_02").names
    assert len(real("nuscenes_surround").names) == 6


@pytest.mark.parametrize("folder", REAL)
def test_real_cameras_cannot_be_exchanged(folder):
    """Not even where two cameras are of one make, and their focal lengths differ by a few pixels."""
    found = real(folder)
    where = DATA / folder / found.moments[0][0].rpartition("/")[0]
    lidar = read_array(where / "lidar.npz", "points")
    samples = [found.read(name) for name in found.moments[0]]
    from_lidar = {one.camera: read_array(where / f"{one.camera}_T_cam_lidar.npy") for one in samples}
    for one in samples:
        for other in samples:
            if one is other:
                continue
            there = other.rig_pose @ from_lidar[other.camera]
            require_agreement(one, lidar, from_lidar[one.camera], there, other.camera)
            wrong = replace(one, intrinsics=other.intrinsics)
            with pytest.raises(InputError, match=f"calibration of camera {one.camera} is not"):
                require_agreement(wrong, lidar, from_lidar[one.camera], there, other.camera)
            wrong = replace(one, rig_pose=other.rig_pose)
            with pytest.raises(InputError, match=f"Cameras {one.camera} and {other.camera} do not agree"):
                require_agreement(wrong, lidar, from_lidar[one.camera], there, other.camera)
