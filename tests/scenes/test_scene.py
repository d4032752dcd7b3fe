"""Streets by seed: the same bytes each time, what moves, the sky, driving."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from edgedepth.scenes import Camera, Frame, Scene, street_frames
from edgedepth.scenes.arith import cosine, sine

CAMERA = Camera.kitti_like(48, 160)


def digest(frame: Frame) -> str:
    parts = (frame.image, frame.depth, frame.moving, frame.pose, frame.K)
    return hashlib.sha256(b"".join(np.ascontiguousarray(p).tobytes() for p in parts)).hexdigest()


def first(seed: int, **options: float) -> Frame:
    scene = Scene.street(seed)
    return scene.render(CAMERA, scene.pose(0.0), **options)


def test_shapes_types_and_ranges() -> None:
    frame = first(0)
    assert (frame.image.shape, frame.image.dtype) == ((48, 160, 3), np.uint8)
    assert (frame.depth.shape, frame.depth.dtype) == ((48, 160), np.float32)
    assert (frame.moving.shape, frame.moving.dtype) == ((48, 160), np.bool_)
    assert np.isfinite(frame.depth).all()
    assert frame.depth.min() >= 0
    assert frame.depth.max() < 1000


@pytest.mark.parametrize("options", [{}, {"supersample": 2, "noise": 0.02}])
def test_a_seed_gives_the_same_bytes_and_another_seed_others(options: dict[str, float]) -> None:
    digests = [digest(first(seed, **options)) for seed in (5, 5, 6)]
    assert digests[0] == digests[1]
    assert digests[0] != digests[2]


def test_streets_differ_a_lot() -> None:
    frames = street_frames(1, 8, 48, 160)
    assert len({digest(f) for f in frames}) == 8
    means = np.array([f.image.mean() for f in frames])
    medians = np.array([np.median(f.depth[f.depth > 0]) for f in frames])
    assert 50 < means.min() < means.max() < 210
    assert means.std() > 5
    assert medians.max() > 1.2 * medians.min()


def test_fewer_street_frames_are_the_first_of_more() -> None:
    more, fewer = street_frames(2, 3, 16, 32), street_frames(2, 2, 16, 32)
    assert [digest(f) for f in more[:2]] == [digest(f) for f in fewer]
    assert street_frames(2, 0, 16, 32) == []


def test_pictures_have_the_statistics_of_a_street() -> None:
    for seed in range(6):
        frame = first(seed, supersample=2)
        assert frame.image.std() > 25, "contrast"
        assert (frame.image.reshape(-1, 3).max(axis=0) > 150).all()
        assert 4 < np.median(frame.depth[frame.depth > 0]) < 60
        assert frame.depth[-1].max() < 12, "the road is near at the bottom"


def test_sky_has_no_depth_and_a_view_up_is_all_sky() -> None:
    scene = Scene.street(0)
    pose = scene.pose(0.0)
    up = np.eye(4)
    up[1:3, 1:3] = [[0, -1], [1, 0]]
    pose = np.eye(4)
    pose[1, 3] = -60.0
    frame = scene.render(CAMERA, pose @ up)
    assert not frame.depth.any()
    assert frame.image.std() > 0
    ahead = scene.render(CAMERA, scene.pose(0.0))
    sky = ahead.depth == 0
    assert sky[:24].any()
    assert not sky[30:].any()


def test_nothing_moves_in_a_still_street() -> None:
    scene = Scene.street(7)
    pose = scene.pose(30.0)
    a, b = (scene.render(CAMERA, pose, time) for time in (0.0, 2.0))
    assert digest(a) == digest(b)
    assert not a.moving.any()


@pytest.mark.parametrize("seed", range(4))
def test_depth_changes_with_time_only_where_the_mask_says(seed: int) -> None:
    scene = Scene.street(seed, moving=True)
    pose = scene.pose(0.0)
    a, b = (scene.render(CAMERA, pose, time) for time in (0.0, 0.5))
    changed = a.depth != b.depth
    assert a.moving.any()
    assert changed.any()
    assert not (changed & ~(a.moving | b.moving)).any()


def test_static_and_moving_streets_share_what_stands() -> None:
    still, busy = Scene.street(2), Scene.street(2, moving=True)
    assert still.solids == busy.solids
    assert (still.road, still.weather) == (busy.road, busy.weather)
    a, b = (s.render(CAMERA, s.pose(0.0)) for s in (still, busy))
    np.testing.assert_array_equal(a.depth[~b.moving], b.depth[~b.moving])


def test_a_drive_follows_the_lane() -> None:
    scene = Scene.street(3)
    frames = list(scene.drive(CAMERA, 4, fps=2.0, speed=12.0))
    assert len(frames) == 4
    steps = np.diff([f.pose[:3, 3] for f in frames], axis=0)
    np.testing.assert_allclose(np.sqrt((steps**2).sum(axis=1)), 6.0, rtol=0.05)
    for frame in frames:
        assert frame.pose[1, 3] == pytest.approx(-1.65, abs=0.02)
        R = frame.pose[:3, :3]
        np.testing.assert_allclose(R @ R.T, np.eye(3), atol=1e-12)
        x, z = frame.pose[0, 3], frame.pose[2, 3]
        lateral = scene.road.lateral(np.array([x]), np.array([z]))[0]
        assert abs(lateral) == pytest.approx(scene.road.lane / 2, abs=0.1)


def test_noise_differs_between_the_eyes_of_a_pair_and_not_between_runs() -> None:
    scene = Scene.street(3)
    pose = scene.pose(0.0)
    shifted = pose.copy()
    shifted[0, 3] += 1e-3
    clean, one, again, other = (
        scene.render(CAMERA, p, noise=n).image.astype(int)
        for p, n in ((pose, 0.0), (pose, 0.05), (pose, 0.05), (shifted, 0.05))
    )
    np.testing.assert_array_equal(one, again)
    assert 3 < np.abs(one - clean).mean() < 20
    assert np.abs(one - other).mean() > 3


def test_sine_needs_no_libm() -> None:
    angles = np.linspace(-40, 40, 201)
    np.testing.assert_allclose([sine(a) for a in angles], np.sin(angles), atol=1e-9)
    np.testing.assert_allclose([cosine(a) for a in angles], np.cos(angles), atol=1e-9)
