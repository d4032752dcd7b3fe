"""What becomes a target, at which weight."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from edgedepth.errors import InputError, UsageError
from edgedepth.training.frames import carry_to_right, load_frames, supervise
from edgedepth.training.recipe import Source, Targets
from edgedepth.training.sky import looks_like_sky

GROUND = np.full((12, 20, 3), 80, np.uint8)


def test_a_point_lands_at_its_disparity():
    depth = np.zeros((1, 20), np.float32)
    depth[0, 15] = 4
    carried = carry_to_right(depth, focal_baseline=20.0)
    assert np.nonzero(carried)[1].tolist() == [10]
    assert carried[0, 10] == 4


def test_the_nearer_surface_wins_and_what_leaves_the_picture_is_lost():
    depth = np.zeros((1, 20), np.float32)
    depth[0, 15], depth[0, 11], depth[0, 2] = 2, 10, 2
    carried = carry_to_right(depth, focal_baseline=12.0)  # disparities 6, 1.2 and 6
    assert carried[0, 9] == 2
    assert carried[0, 10] == 10  # 9.8 also touches column 9, where the nearer one stays
    assert np.count_nonzero(carried) == 2


def test_a_plane_has_no_gaps():
    ramp = np.linspace(30, 3, 16, dtype=np.float32)[:, None].repeat(64, 1)
    carried = carry_to_right(ramp, focal_baseline=30.0)
    assert np.all(carried[:, : 64 - 11] > 0)


def test_lidar_comes_before_the_teacher():
    lidar = np.zeros((12, 20), np.float32)
    lidar[8, 3], lidar[8, 4] = 9, 200
    teacher = np.full((12, 20), 12, np.float32)
    teacher[9, 9], teacher[9, 10] = 150, 0
    depth, weight = supervise(GROUND, lidar, teacher, Targets(lidar_weight=2))
    assert (depth[8, 3], weight[8, 3]) == (9, 2)
    assert (depth[8, 4], weight[8, 4]) == (12, 1)  # LiDAR out of range: the teacher's
    assert weight[9, 9] == weight[9, 10] == 0
    assert weight[0, 0] == pytest.approx(0.3)


def test_lidar_alone():
    lidar = np.eye(12, 20, dtype=np.float32) * 7
    depth, weight = supervise(GROUND, lidar, None, Targets())
    np.testing.assert_array_equal(weight, np.eye(12, 20))
    assert np.all(depth > 0)


def test_sky_is_far_in_frames_with_a_teacher():
    image = np.full((60, 20, 3), 80, np.uint8)
    image[:20] = (120, 160, 230)
    lidar, teacher = np.zeros((60, 20), np.float32), np.full((60, 20), 12, np.float32)
    depth, weight = supervise(image, lidar, teacher, Targets())
    assert np.all(depth[:14] == 80)
    assert np.all(weight[:14] == np.float32(0.1))
    assert np.all(depth[26:] == 12)


def test_what_looks_like_sky():
    image = np.full((60, 40, 3), 90, np.uint8)
    image[:20] = (90, 140, 220)
    image[:20, 20:] = 240
    image[40:] = 240  # a bright road
    sky = looks_like_sky(image)
    assert sky[:14, :14].all()
    assert sky[:14, 26:].all()
    assert not sky[26:].any()


def test_frames_in_memory(recipe, data):
    bank = load_frames(recipe, data)
    assert bank.images.shape == (6, 3, 64, 96)
    assert bank.depths.shape == bank.weights.shape == (6, 1, 64, 96)
    assert bank.order == (0, 1, 2, 3, 4, 5)
    assert float(bank.depths.min()) > 0
    repeated = replace(recipe, sources=(replace(recipe.sources[0], repeat=2, right_view=False),))
    assert load_frames(repeated, data).order == (0, 0, 1, 1, 2, 2)


def test_held_out_names_must_exist(recipe, data):
    wrong = replace(recipe, sources=(Source("street", hold_out=("99",)),))
    with pytest.raises(UsageError, match="99"):
        load_frames(wrong, data)


def test_right_views_must_exist(recipe, data):
    for path in (data / "street" / "right").iterdir():
        path.unlink()
    (data / "street" / "right").rmdir()
    with pytest.raises(UsageError, match="no right view"):
        load_frames(recipe, data)


def test_frames_must_share_a_size(recipe, data):
    lane = data / "lane"
    (lane / "left").mkdir(parents=True)
    (lane / "lidar_depth").mkdir()
    Image.new("RGB", (32, 32)).save(lane / "left" / "0.jpg")
    np.savez(lane / "lidar_depth" / "0.npz", depth=np.eye(32))
    np.save(lane / "K.npy", np.eye(3))
    with pytest.raises(InputError, match=r"one batch[\s\S]*sizes"):
        load_frames(replace(recipe, sources=(*recipe.sources, Source("lane"))), data)
